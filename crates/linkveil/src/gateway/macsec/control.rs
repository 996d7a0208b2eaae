//! The socket for handshakes of a port. It is open with written-down keys, too: it keeps the port and its group addresses.

use std::io;
use std::time::{Duration, Instant};

use linkveil_net::interface::HardwareAddress;
use linkveil_net::packet::{CONTROL_GROUP, ControlPort, ETHERTYPE_CONTROL, PortCondition};
use linkveil_net::{Impairment, clock};
use linkveil_wire::ethernet::ETHERNET_HEADER_LEN;

use crate::gateway::impaired;

/// Frames that one port may bring before everybody else has had a turn.
const FRAMES_PER_TURN: usize = 64;

/// How often to look whether the port is what it was: nothing tells that one was deleted which carries nothing, or that it
/// has another address.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Longer than every handshake message.
const BUFFER_BYTES: usize = 2048;

/// See the module's text.
#[derive(Debug)]
pub(super) struct Control {
    port: ControlPort,
    /// A whole frame: what the kernel hands over lacks its header.
    buffer: Box<[u8; BUFFER_BYTES]>,
    /// The poll tells an arrival once.
    outlook: Outlook,
    /// When to look for the port next.
    next_look: Instant,
    /// What is done on purpose to what arrives.
    impairment: Option<Impairment<HardwareAddress>>,
}

/// Whether there is something to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outlook {
    Nothing,
    Something,
}

impl Control {
    pub(super) fn new(port: ControlPort, impairment: Option<Impairment<HardwareAddress>>) -> Self {
        Self {
            port,
            buffer: Box::new([0; BUFFER_BYTES]),
            outlook: Outlook::Something,
            next_look: clock::now() + LOOK_INTERVAL,
            impairment,
        }
    }

    pub(super) fn note_readable(&mut self) {
        self.outlook = Outlook::Something;
    }

    /// When [`Self::read`] and [`Self::condition`] must be called although nothing becomes readable.
    pub(super) fn next_due(&self) -> Instant {
        match self.outlook {
            Outlook::Something => clock::now(),
            Outlook::Nothing => {
                let held = self.impairment.as_ref().and_then(Impairment::next_due);
                held.map_or(self.next_look, |held| held.min(self.next_look))
            }
        }
    }

    /// What became of the port, as far as anybody looked.
    pub(super) fn condition(&mut self) -> PortCondition {
        let now = clock::now();
        if now < self.next_look {
            return PortCondition::Unchanged;
        }
        self.next_look = now + LOOK_INTERVAL;
        self.port.condition()
    }

    /// A bounded share of the frames that wait, each from its destination address on.
    ///
    /// # Errors
    ///
    /// The socket is unusable.
    pub(super) fn read(&mut self, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        for _ in 0..FRAMES_PER_TURN {
            if self.outlook == Outlook::Nothing {
                break;
            }
            let (header, payload) = self.buffer.split_at_mut(ETHERNET_HEADER_LEN);
            let Some(frame) = self.port.recv_from(payload)? else {
                self.outlook = Outlook::Nothing;
                break;
            };
            match &mut self.impairment {
                None => {
                    write_header(header, frame.source);
                    take(self.frame(frame.len));
                }
                Some(engine) => {
                    let payload = payload.get(..frame.len).unwrap_or_default();
                    engine.admit(clock::now(), frame.source, payload);
                }
            }
        }
        self.read_held(take);
        Ok(())
    }

    fn read_held(&mut self, mut take: impl FnMut(&[u8])) {
        while let Some(engine) = &mut self.impairment
            && let Some(late) = engine.poll(clock::now())
        {
            let (header, payload) = self.buffer.split_at_mut(ETHERNET_HEADER_LEN);
            write_header(header, late.meta);
            payload
                .iter_mut()
                .zip(&late.bytes)
                .for_each(|(octet, arrived)| *octet = *arrived);
            take(self.frame(late.bytes.len()));
        }
    }

    fn frame(&self, payload: usize) -> &[u8] {
        let frame = self.buffer.get(..ETHERNET_HEADER_LEN + payload);
        frame.unwrap_or_default()
    }

    /// What was impaired, by name.
    pub(super) fn impair_counters(&self) -> impl Iterator<Item = (String, u64)> + use<> {
        impaired::counters(self.impairment.as_ref())
    }

    /// Sends a handshake frame. What the kernel does not take is lost like any frame: a timer repeats it.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub(super) fn send(&self, frame: &[u8]) -> io::Result<()> {
        let payload = frame.get(ETHERNET_HEADER_LEN..).unwrap_or_default();
        self.port.send_to(payload, CONTROL_GROUP)
    }
}

/// The header as the sender wrote it: the kernel takes it off, and handshakes go to the group.
fn write_header(header: &mut [u8], source: HardwareAddress) {
    let [to, from] = [CONTROL_GROUP, source].map(HardwareAddress::octets);
    let fields = to
        .into_iter()
        .chain(from)
        .chain(ETHERTYPE_CONTROL.to_be_bytes());
    header
        .iter_mut()
        .zip(fields)
        .for_each(|(octet, field)| *octet = field);
}
