mod circles;
mod dependencies;
mod dependency_graph;
mod licences;
mod paths;
mod words;

pub(crate) use circles::check as circles;
pub(crate) use dependencies::check as dependencies;
pub(crate) use licences::check as licences;
pub(crate) use paths::check as paths;
pub(crate) use words::check as words;
