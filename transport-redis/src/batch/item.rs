use std::collections::HashMap;
use std::hash::Hash;

use futures::channel::oneshot;
use tokio::time::Instant;

use crate::client::ClientError;

/// One request of a batch.
#[derive(Debug)]
pub(crate) struct BatchItem<T, R> {
    pub(crate) request: T,
    pub(crate) since: Instant,
    pub(super) answer: oneshot::Sender<Result<R, ClientError>>,
}

impl<T, R> BatchItem<T, R> {
    /// Answers it; the receiver may have been dropped.
    pub(crate) fn answer(self, answer: Result<R, ClientError>) {
        let _ = self.answer.send(answer);
    }
}

impl<T: BatchRequest, R> BatchItem<T, R> {
    pub(super) fn is_wanted(&self) -> bool {
        !(self.request.ends_with_caller() && self.answer.is_canceled())
    }
}

/// What the requests of one script may take together, unless it is a single one. They are held in memory
/// at both ends, and keep the server from others while it reads them.
const LARGEST_BYTES: usize = 1024 * 1024;

/// What can be asked for together with others.
pub(crate) trait BatchRequest {
    /// What one script is for.
    type Group: Clone + Eq + Hash;

    fn group(&self) -> &Self::Group;

    /// How much is sent.
    fn bytes(&self) -> usize;

    /// Whether it is left out once its caller is gone. By default it is carried out all the same.
    fn ends_with_caller(&self) -> bool {
        false
    }
}

/// What of a batch one script each may do: it is of one group, and not too large.
pub(crate) fn by_script<T: BatchRequest, R>(
    batch: Vec<BatchItem<T, R>>,
) -> HashMap<T::Group, Vec<Vec<BatchItem<T, R>>>> {
    let mut groups: HashMap<T::Group, (Vec<Vec<_>>, usize)> = HashMap::new();
    for item in batch {
        let (scripts, bytes) = groups.entry(item.request.group().clone()).or_default();
        *bytes += item.request.bytes();
        match scripts.last_mut() {
            Some(script) if *bytes <= LARGEST_BYTES => script.push(item),
            _ => {
                *bytes = item.request.bytes();
                scripts.push(vec![item]);
            }
        }
    }
    groups.into_iter().map(|(group, (scripts, _))| (group, scripts)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Sized(&'static str, usize);

    impl BatchRequest for Sized {
        type Group = &'static str;

        fn group(&self) -> &&'static str {
            &self.0
        }

        fn bytes(&self) -> usize {
            self.1
        }
    }

    #[test]
    fn a_script_is_for_one_group_and_not_too_large() {
        let half = LARGEST_BYTES / 2;
        let requests =
            [("a", half), ("b", 1), ("a", half), ("a", 1), ("a", 2 * LARGEST_BYTES), ("a", 1), ("b", 1)];
        let batch = requests.map(|(group, bytes)| {
            let (answer, _) = oneshot::channel::<Result<(), ClientError>>();
            BatchItem { request: Sized(group, bytes), since: Instant::now(), answer }
        });
        let scripts = by_script(Vec::from(batch));
        let bytes = |group| -> Vec<Vec<usize>> {
            scripts[group].iter().map(|items| items.iter().map(|item| item.request.1).collect()).collect()
        };
        assert_eq!(bytes("a"), [vec![half, half], vec![1], vec![2 * LARGEST_BYTES], vec![1]]);
        assert_eq!(bytes("b"), [[1, 1]]);
    }
}
