/// A line or a column, as others than Rhai count them.
pub(super) fn place(number: Option<usize>) -> Option<u32> {
    number.and_then(|number| u32::try_from(number).ok())
}
