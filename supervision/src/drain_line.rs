use std::io::{self, IoSlice, IoSliceMut, Stdin, Write};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

/// The parent's end of a socket whose other end is the child's standard input. It asks the child to drain, passes it a
/// listening socket, and tells it by its end that the parent is gone.
#[derive(Debug)]
pub(crate) struct DrainLine {
    socket: UnixStream,
}

/// What the parent writes to ask for an orderly end.
pub(crate) const DRAIN: u8 = b'd';

/// What a listening socket comes with.
const LISTENER: u8 = b'l';

impl DrainLine {
    /// The environment variable that tells a child that its first message has a listening socket.
    pub(crate) const LISTENER_VARIABLE: &str = "RHAI_LISTENER";

    /// Makes the other end the standard input of what `command` starts. If there is a listener, it waits there for the
    /// child.
    pub(crate) fn new(command: &mut Command, listener: Option<&TcpListener>) -> io::Result<Self> {
        let (socket, other) = UnixStream::pair()?;
        if let Some(listener) = listener {
            send(&socket, listener)?;
            command.env(Self::LISTENER_VARIABLE, "1");
        }
        command.stdin(Stdio::from(OwnedFd::from(other)));
        Ok(Self { socket })
    }

    /// Asks the child to drain.
    pub(crate) fn drain(&mut self) {
        let _ = self.socket.write_all(&[DRAIN]); // the child may have ended
    }
}

fn send(socket: &UnixStream, listener: &TcpListener) -> io::Result<()> {
    let descriptors = [listener.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&descriptors));
    sendmsg(socket, &[IoSlice::new(&[LISTENER])], &mut control, SendFlags::empty())?;
    Ok(())
}

/// The child's side: takes the listening socket from its standard input, from which nothing may have been read.
pub(crate) fn receive_listener(stdin: &Stdin) -> io::Result<TcpListener> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    #[cfg(target_os = "linux")]
    let flags = RecvFlags::CMSG_CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    let flags = RecvFlags::empty();
    recvmsg(stdin, &mut [IoSliceMut::new(&mut byte)], &mut control, flags)?;
    let mut descriptors = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    let descriptor = descriptors.next().and_then(|mut descriptors| descriptors.next());
    match descriptor {
        Some(descriptor) if byte == [LISTENER] => Ok(TcpListener::from(descriptor)),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "the supervisor has sent no listening socket")),
    }
}
