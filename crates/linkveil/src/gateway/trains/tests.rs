use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::*;

/// What was logged.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lines(work: impl FnOnce()) -> Vec<String> {
    let paper = Paper::default();
    let writer = paper.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .finish();
    tracing::subscriber::with_default(subscriber, work);
    let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    text.lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn a_kernel_that_takes_shorter_trains_is_told_once_for_each_address() {
    let (first, second) = (SocketIndex::FIRST, SocketIndex::new(1));
    let said = lines(|| {
        let mut log = TrainLog::default();
        // Two lanes each, the second address after the first; then the first one is refused altogether.
        for socket in [first, first, second, second] {
            log.log(socket, GsoNotice::Shortened);
        }
        log.log(first, GsoNotice::TurnedOff);
        log.log(first, GsoNotice::TurnedOff);
        log.log(second, GsoNotice::Unchanged);
    });
    assert_eq!(
        said,
        [
            "INFO the kernel takes no more than 64 datagrams at once, as before Linux 6.9; small packets cost a little \
             more listen=0",
            "INFO the kernel takes no more than 64 datagrams at once, as before Linux 6.9; small packets cost a little \
             more listen=1",
            "WARN the kernel refuses UDP segmentation offload on the way out; sending datagrams one by one, which is \
             slower listen=0",
        ]
    );
}
