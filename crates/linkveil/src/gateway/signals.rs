//! SIGTERM and SIGINT as an event of the loop.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use mio::net::UnixStream;
use mio::{Interest, Registry, Token};
use signal_hook::consts::{SIGINT, SIGTERM};

/// Exit code of a process that is told to stop a second time: it does not clean up.
const EXIT_AT_ONCE: i32 = 1;

/// Becomes readable with the first signal. The second one ends the process.
#[derive(Debug)]
pub(super) struct StopSignals {
    _receiver: UnixStream,
}

impl StopSignals {
    pub(super) fn register(token: Token, registry: &Registry) -> io::Result<Self> {
        let (receiver, sender) = std::os::unix::net::UnixStream::pair()?;
        receiver.set_nonblocking(true)?;
        let mut receiver = UnixStream::from_std(receiver);
        registry.register(&mut receiver, token, Interest::READABLE)?;
        let told = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            // In this order: the first signal finds the flag unset, and sets it.
            signal_hook::flag::register_conditional_shutdown(
                signal,
                EXIT_AT_ONCE,
                Arc::clone(&told),
            )?;
            signal_hook::flag::register(signal, Arc::clone(&told))?;
            signal_hook::low_level::pipe::register(signal, sender.try_clone()?)?;
        }
        Ok(Self {
            _receiver: receiver,
        })
    }
}
