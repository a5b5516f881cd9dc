//! Lua that the feature `fault-no-fence` breaks, for the fault injection harness, which has to notice. It is empty
//! unless the feature is on.

/// Carried out after what all scripts share.
pub(crate) const LUA: &str = if cfg!(feature = "fault-no-fence") {
    // Any end of a task may write its record, in every state of the record.
    "fence = function(task) if not task then return 'f' end end"
} else {
    ""
};
