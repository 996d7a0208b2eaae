//! The reference model: watches a world from outside and says what must never happen and what must have.
//!
//! It sees every order to lanes, every datagram on the sender's side of the link and on the receiver's, and every inner
//! packet at both ends. It holds no key: keys have names (fingerprint and direction of their epoch). From these it knows,
//! without any state machine of its own, what must become of each packet:
//!
//! - A packet that is given to a gateway with keys to send under leaves it at once, under these keys.
//! - A datagram that arrives as it was sent, for an SPI that the receiver was told to open in its present life and was not
//!   told to forget, is delivered at once if it carries a packet and is the first of its kind.
//! - Nothing else is ever delivered: no second copy, nothing under forgotten keys or keys of a former life, nothing changed.
//!
//! | part      | what it knows                                       |
//! |-----------|-----------------------------------------------------|
//! | `keys`    | which keys exist, who holds them, which nonces are used |
//! | `packets` | how far each inner packet has come                  |
//! | `calls`   | which initiations have made an epoch                |

mod calls;
mod keys;
mod packets;
mod violation;

use std::rc::Rc;

use linkveil_crypto::{Direction, Fingerprint};
use linkveil_sa::{LaneCommand, RxInstall, TxInstall};
use linkveil_wire::{DataHeader, Lane, PacketNumber, Spi};

use crate::link::GatewayId;
use crate::packet::{PacketId, id_of};

use calls::Calls;
use keys::Keys;
use packets::Packets;
pub use packets::Progress;
pub use violation::Violation;

/// Epochs that a gateway may receive under at a time: one current, two next and four draining (REQ-EPOCH-11), and as many
/// fading ones as draining ones (docs/decisions/0007).
pub const MAX_HELD: usize = 1 + 2 + 4 + 4;

/// The name of the keys of one direction of one epoch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct KeyName {
    fingerprint: Fingerprint,
    direction: Direction,
}

/// Where a datagram goes, as the link sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    /// To an address that the peer has or had.
    ForPeer,
    /// To another one.
    Astray,
}

/// Collects what happened and what must not have.
#[derive(Debug, Default)]
pub struct Checker {
    keys: Keys,
    packets: Packets,
    calls: Calls,
    violations: Vec<Violation>,
}

impl Checker {
    /// A gateway is gone, and with it all that it knew.
    pub fn stopped(&mut self, gateway: GatewayId) {
        self.keys.forget_life(gateway);
        self.packets.forget_dues(gateway);
        self.calls.forget_life(gateway);
    }

    /// A gateway's lanes are ordered something.
    pub fn ordered(&mut self, gateway: GatewayId, command: &LaneCommand) {
        match command {
            LaneCommand::InstallRx(install) => self.installed_rx(gateway, install),
            LaneCommand::InstallTx(install) => self.installed_tx(gateway, install),
            LaneCommand::RemoveRx { spi, .. } => self.keys.remove_rx(gateway, *spi),
            LaneCommand::RemoveTx { epoch, .. } => self.keys.remove_tx(gateway, *epoch),
            LaneCommand::SendControl { .. } => {}
        }
    }

    /// A gateway's lanes are told to receive.
    fn installed_rx(&mut self, gateway: GatewayId, install: &RxInstall) {
        let key = KeyName {
            fingerprint: install.keys.fingerprint(),
            direction: install.keys.direction(),
        };
        if self.keys.add_rx(gateway, install.spi, key).is_none() {
            self.violations
                .push(Violation::KeysReturned { gateway, key });
        }
        // Who opens what the initiator seals has answered it.
        let answers = key.direction == Direction::InitiatorToResponder;
        if answers && self.calls.answer(gateway).is_none() {
            self.violations.push(Violation::AnsweredAgain(gateway));
        }
    }

    /// A gateway's lanes are told to send: the receiver must hold the same keys by now.
    fn installed_tx(&mut self, gateway: GatewayId, install: &TxInstall) {
        let (spi, epoch) = (install.spi, install.epoch);
        let sender = KeyName {
            fingerprint: install.keys.fingerprint(),
            direction: install.keys.direction(),
        };
        let receiver = self.keys.opened_with(spi);
        if receiver != Some(sender) {
            self.violations.push(Violation::KeysDisagree {
                gateway,
                spi,
                sender,
                receiver,
            });
        }
        if self.keys.add_tx(gateway, epoch, spi, sender).is_none() {
            let key = sender;
            self.violations
                .push(Violation::KeysReturned { gateway, key });
        }
    }

    /// A gateway gave a datagram to the link; `packet` is what it carries, if that is known. Messages of handshakes say
    /// nothing here.
    pub fn sent(
        &mut self,
        gateway: GatewayId,
        datagram: &Rc<[u8]>,
        packet: Option<PacketId>,
        bound: Bound,
    ) {
        let Some(header) = data_header(datagram) else {
            return;
        };
        let spi = header.spi;
        let key = match packet {
            Some(_) => self.keys.sealing_now(gateway, spi),
            None => self.keys.sealed_with(gateway, spi),
        };
        let Some(key) = key else {
            self.violations.push(Violation::UnknownSpi { gateway, spi });
            return;
        };
        if self.keys.seal(key, header, datagram, packet).is_none() {
            self.violations.push(Violation::NonceReused {
                gateway,
                key,
                lane: header.lane,
                number: header.packet_number,
            });
        }
        if let Some(packet) = packet {
            self.packets.progress(packet, Progress::Sealed);
            if bound == Bound::Astray {
                self.violations.push(Violation::SentAstray { gateway });
            }
        }
    }

    /// An inner packet is given to a gateway's TUN, meant for another one.
    pub fn offered(&mut self, id: PacketId, from: GatewayId, to: GatewayId, bytes: &[u8]) {
        let has_keys = self.keys.sending_under(from).is_some();
        self.packets.offer(id, to, bytes);
        if has_keys {
            self.packets.must_leave(from, id);
        }
    }

    /// The link hands a datagram to a gateway that is up. Only one that is byte for byte what the peer sealed, under keys
    /// that the gateway has, counts.
    pub fn arrived(&mut self, gateway: GatewayId, datagram: &[u8]) -> Arrival {
        self.calls.arrive(gateway, datagram);
        let Some(header) = data_header(datagram) else {
            return Arrival::Nothing;
        };
        match self.keys.find(gateway, header, datagram) {
            Some((packet, Held::Now)) => {
                self.packets.must_come_out(gateway, packet, header.spi);
                Arrival::InTime
            }
            Some((packet, Held::NoLonger)) => {
                self.packets.arrive_late(packet);
                Arrival::Late
            }
            None => Arrival::Nothing,
        }
    }

    /// An inner packet came out of a gateway's TUN.
    pub fn delivered(&mut self, gateway: GatewayId, bytes: &[u8]) {
        let found = id_of(bytes).and_then(|id| self.packets.deliver(id, gateway, bytes));
        match found {
            Some(faults) => self.violations.extend(faults),
            None => self.violations.push(Violation::Invented(gateway)),
        }
    }

    /// A gateway has done all that there was to do at this moment: what was due must have happened.
    pub fn settled(&mut self, gateway: GatewayId) {
        let keys = &self.keys;
        let faults = self.packets.settle(gateway, |spi| keys.holds(gateway, spi));
        self.violations.extend(faults);
        self.calls.settle(gateway);
        let held = self.keys.settle(gateway);
        if held > MAX_HELD {
            self.violations
                .push(Violation::TooManyEpochs { gateway, held });
        }
    }

    /// Something is due again and again at one moment.
    pub fn time_stands_still(&mut self) {
        self.violations.push(Violation::TimeStandsStill);
    }

    /// The run is over: what can be judged only now.
    pub fn finish(&mut self) {
        let left_out = self.keys.incomplete();
        self.violations
            .extend(left_out.map(|(key, lane)| Violation::NumbersLeftOut { key, lane }));
    }

    /// All that must never have happened, in order.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// How far a packet has come.
    #[must_use]
    pub fn progress(&self, id: PacketId) -> Option<Progress> {
        self.packets.progress_of(id)
    }

    /// The packets that came exactly so far and no farther.
    #[must_use]
    pub fn stuck_at(&self, progress: Progress) -> Vec<PacketId> {
        self.packets.stuck_at(progress)
    }

    /// The epochs under which anyone was told to send, in order.
    #[must_use]
    pub fn epochs(&self) -> &[Fingerprint] {
        self.keys.epochs()
    }

    /// How often any gateway was told to receive under a new epoch.
    #[must_use]
    pub const fn installs(&self) -> u64 {
        self.keys.installs()
    }

    /// Under how many epochs a gateway receives.
    #[must_use]
    pub fn held(&self, gateway: GatewayId) -> usize {
        self.keys.held(gateway)
    }

    /// The most epochs that any gateway received under at a time.
    #[must_use]
    pub const fn most_held(&self) -> usize {
        self.keys.most_held()
    }

    /// Under which epoch a gateway sends.
    #[must_use]
    pub fn sending_under(&self, gateway: GatewayId) -> Option<Fingerprint> {
        self.keys.sending_under(gateway)
    }

    /// Datagrams that were sealed.
    #[must_use]
    pub fn sealed_count(&self) -> usize {
        self.keys.sealed_count()
    }
}

/// What a datagram is to the gateway that gets it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// A packet that must come out, unless it did before.
    InTime,
    /// A packet whose keys are gone.
    Late,
    /// No packet, or not as it was sent.
    Nothing,
}

/// Whether a receiver has the keys of a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Held {
    Now,
    /// It had, but gave them up or lost them in a restart.
    NoLonger,
}

/// The header of a data datagram, read from docs/protocol.md section 3 and with nothing of the parser that is tested.
fn data_header(datagram: &[u8]) -> Option<DataHeader> {
    let [4, lane, 0, 0, rest @ ..] = datagram else {
        return None;
    };
    let (spi, rest) = rest.split_first_chunk()?;
    let (number, _) = rest.split_first_chunk()?;
    Some(DataHeader {
        lane: Lane::new(*lane)?,
        spi: Spi::new(u32::from_be_bytes(*spi))?,
        packet_number: PacketNumber::new(u64::from_be_bytes(*number)),
    })
}

#[cfg(test)]
mod tests;
