use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};

use crate::discovery::Directory;
use crate::{Tick, Transport, TransportError, lock};

/// Reads of what the living instances have announced. Calls without a worker id share them.
#[derive(Default)]
pub(super) struct DirectoryReads {
    last: Mutex<Option<(Tick, DirectoryRead)>>,
}

pub(super) type DirectoryRead = Shared<BoxFuture<'static, Result<Arc<Directory>, TransportError>>>;

impl DirectoryReads {
    /// What was announced, as a read says that began less than `within` ago.
    pub(super) fn read(&self, transport: &Arc<dyn Transport>, within: Duration) -> DirectoryRead {
        let now = transport.clock().now();
        let mut last = lock(&self.last);
        if let Some((at, read)) = &*last
            && now - *at < within
            && read.peek().is_none_or(Result::is_ok)
        {
            return read.clone();
        }
        let transport = Arc::clone(transport);
        let read = async move { Ok(Arc::new(Directory::of(transport.instances(None).await?))) };
        let read = read.boxed().shared();
        *last = Some((now, read.clone()));
        read
    }
}

impl fmt::Debug for DirectoryReads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectoryReads").finish_non_exhaustive()
    }
}
