//! Gateways that are broken on purpose, to see that the model notices. Everything here happens outside of the product: orders
//! are withheld, and what comes out is tampered with.

use std::net::SocketAddr;

use linkveil_sa::LaneCommand;

use crate::gateway::Passage;

/// One way in which a gateway of a world is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It never gives up keys to receive with, as if draining were forgotten.
    ForgetsToDrain,
    /// Every 64th packet comes out twice, as if a replay window were missing.
    DeliversTwice,
    /// It drops the first packet after each change of keys, as if it sent under a key that is not installed yet.
    LosesAtChange,
    /// What it was sent under keys of a former life comes out, as if keys outlived a restart.
    KeepsKeysOverRestart,
    /// Every 64th datagram goes out again with another last byte under the same packet number.
    RepeatsNumbers,
    /// After a restart it hears no handshake any more.
    DeafAfterRestart,
    /// Every 64th datagram goes to an address where the peer never was.
    SendsAstray,
    /// It begins a handshake with every heartbeat.
    TalksWithoutEnd,
    /// Every 64th packet comes out with its last byte changed.
    ChangesPackets,
    /// A timer is due at once, always.
    NeverSleeps,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::ForgetsToDrain,
        Self::DeliversTwice,
        Self::LosesAtChange,
        Self::KeepsKeysOverRestart,
        Self::RepeatsNumbers,
        Self::DeafAfterRestart,
        Self::SendsAstray,
        Self::TalksWithoutEnd,
        Self::ChangesPackets,
        Self::NeverSleeps,
    ];
}

/// Of 64 datagrams or packets one is tampered with: rare enough to let handshakes through.
const RARELY: u64 = 64;

/// A gateway's fault and what it must remember for it.
#[derive(Debug, Default)]
pub(crate) struct Tamper {
    fault: Option<Fault>,
    count: u64,
    changed: Changed,
}

/// Whether the next packet is the first after a change of keys.
#[derive(Debug, Default, PartialEq, Eq)]
enum Changed {
    JustNow,
    #[default]
    LongAgo,
}

impl Tamper {
    pub(crate) fn with(fault: Fault) -> Self {
        Self {
            fault: Some(fault),
            ..Self::default()
        }
    }

    pub(crate) fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    pub(crate) fn passage(&mut self, command: &LaneCommand) -> Passage {
        if matches!(command, LaneCommand::InstallTx(_)) {
            self.changed = Changed::JustNow;
        }
        let forgets = self.is(Fault::ForgetsToDrain);
        if forgets && matches!(command, LaneCommand::RemoveRx { .. }) {
            Passage::Withheld
        } else {
            Passage::Free
        }
    }

    /// What leaves in place of this data datagram.
    pub(crate) fn sent(
        &mut self,
        to: SocketAddr,
        elsewhere: SocketAddr,
        datagram: Vec<u8>,
    ) -> Vec<(SocketAddr, Vec<u8>)> {
        let turn = self.turn();
        match self.fault {
            Some(Fault::RepeatsNumbers) if turn => {
                let mut other = datagram.clone();
                if let Some(last) = other.last_mut() {
                    *last ^= 1;
                }
                vec![(to, datagram), (to, other)]
            }
            Some(Fault::SendsAstray) if turn => vec![(elsewhere, datagram)],
            _ => vec![(to, datagram)],
        }
    }

    /// What comes out in place of this packet.
    pub(crate) fn delivered(&mut self, mut packet: Vec<u8>) -> Vec<Vec<u8>> {
        let first = std::mem::take(&mut self.changed) == Changed::JustNow;
        let turn = self.turn();
        match self.fault {
            Some(Fault::LosesAtChange) if first => Vec::new(),
            Some(Fault::DeliversTwice) if turn => vec![packet.clone(), packet],
            Some(Fault::ChangesPackets) if turn => {
                if let Some(last) = packet.last_mut() {
                    *last ^= 1;
                }
                vec![packet]
            }
            _ => vec![packet],
        }
    }

    const fn turn(&mut self) -> bool {
        self.count += 1;
        self.count.is_multiple_of(RARELY)
    }
}
