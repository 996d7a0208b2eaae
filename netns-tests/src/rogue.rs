//! A configured peer that abuses its keys: it seals whatever it likes, under any lane and packet number.
//!
//! [`crate::peer`] uses `sa` to seal, as a gateway does, and can therefore not do half of this.

use std::net::UdpSocket;
use std::time::Duration;

use linkveil_crypto::{EpochSecret, LaneContext, PostQuantum, Purpose, SealKey, Suite};
use linkveil_net::gso::GsoQueue;
use linkveil_net::traits::UdpQueue;
use linkveil_net::udp::{LinuxUdp, ReuseportGroup};
use linkveil_noise::{Established, Role};
use linkveil_wire::link::{DataHeader, HEADER_LEN};
use linkveil_wire::{ControlFrame, Lane, PacketNumber, Spi};

use crate::dial::{Answer, await_answer, initiation, shake_hands};
use crate::dice::Dice;
use crate::forge::any_spi;
use crate::netns::Namespace;
use crate::peer::Call;
use crate::timing::wait_for;

/// Most lanes that a datagram can name.
const LANES: usize = 64;

/// See the module's text.
#[derive(Debug)]
pub struct Rogue {
    data: LinuxUdp,
    control: UdpSocket,
    call: Call,
    dice: Dice,
    keys: Keys,
}

/// What the rogue seals under.
#[derive(Debug)]
struct Keys {
    secret: EpochSecret,
    suite: Suite,
    post_quantum: PostQuantum,
    role: Role,
    spi: Spi,
    /// The next packet number of each lane.
    next: [u64; LANES],
}

impl Keys {
    fn new(established: Established) -> Self {
        Self {
            secret: established.secret,
            suite: established.suite,
            post_quantum: established.post_quantum,
            role: established.role,
            spi: established.remote.spi,
            next: [1; LANES],
        }
    }
}

impl Rogue {
    /// Shakes hands with a gateway from the namespace `host` and begins to send under the new keys.
    ///
    /// # Panics
    ///
    /// If the gateway does not answer as it should.
    #[must_use]
    pub fn call(host: &Namespace, call: Call) -> Self {
        let group = host.run(|| ReuseportGroup::bind(call.local, 1)).unwrap();
        let ReuseportGroup { mut data, control } = group;
        let mut dice = Dice::new(0x4b1d);
        let established = shake_hands(&control, &call, any_spi(&mut dice));
        let mut rogue = Self {
            data: data.remove(0),
            control,
            call,
            dice,
            keys: Keys::new(established),
        };
        rogue.confirm();
        rogue
    }

    /// The SPI of the gateway under which the rogue sends.
    #[must_use]
    pub const fn spi(&self) -> Spi {
        self.keys.spi
    }

    /// The socket from which handshake messages go.
    #[must_use]
    pub const fn control(&self) -> &UdpSocket {
        &self.control
    }

    /// One more handshake; the answer is waited for that long. Whether it made an epoch, which is confirmed then.
    pub fn rekey(&mut self, patience: Duration) -> bool {
        let (message, awaiting) = initiation(&self.call, any_spi(&mut self.dice), None);
        self.control.send_to(&message, self.call.remote).unwrap();
        self.control.set_read_timeout(Some(patience)).unwrap();
        let Answer::Epoch(established) = await_answer(&self.control, awaiting) else {
            return false;
        };
        self.keys = Keys::new(established);
        self.confirm();
        true
    }

    fn confirm(&mut self) {
        let frame = self.seal(0, &ControlFrame::Confirm.emit());
        self.send(&[frame]);
    }

    /// Seals a plaintext as it is, under the lane's next number.
    ///
    /// # Panics
    ///
    /// If the lane is 64 or more.
    pub fn seal(&mut self, lane: u8, plaintext: &[u8]) -> Vec<u8> {
        let next = &mut self.keys.next[usize::from(lane)];
        let number = *next;
        *next += 1;
        self.seal_as(lane, number, plaintext)
    }

    /// Seals a plaintext as it is, under any packet number, used before or not.
    ///
    /// # Panics
    ///
    /// If the lane is 64 or more.
    #[must_use]
    pub fn seal_as(&self, lane: u8, number: u64, plaintext: &[u8]) -> Vec<u8> {
        let Keys {
            secret,
            suite,
            post_quantum,
            role,
            spi,
            ..
        } = &self.keys;
        let keys = secret.lane_keys(&LaneContext {
            purpose: Purpose::VpcData,
            suite: *suite,
            post_quantum: *post_quantum,
            direction: role.sends(),
            lane: lane.into(),
        });
        let header = DataHeader {
            lane: Lane::new(lane).unwrap(),
            spi: *spi,
            packet_number: PacketNumber::new(number),
        };
        let header = header.emit();
        let mut datagram = [header.as_slice(), plaintext].concat();
        let key = SealKey::new(*suite, &keys.key);
        let nonce = keys.iv.nonce(number);
        let tag = key.seal_in_place(nonce, &header, &mut datagram[HEADER_LEN..]);
        datagram.extend_from_slice(tag.as_bytes());
        datagram
    }

    /// Sends datagrams in order, neighbors of one length as one train.
    ///
    /// # Panics
    ///
    /// If the kernel does not take them in time.
    pub fn send(&mut self, datagrams: &[Vec<u8>]) {
        self.send_marked(datagrams, 0);
    }

    /// [`Self::send`] with an outer TOS byte.
    ///
    /// # Panics
    ///
    /// If the kernel does not take them in time.
    pub fn send_marked(&mut self, datagrams: &[Vec<u8>], tos: u8) {
        let mut queue = GsoQueue::new(datagrams.len());
        for datagram in datagrams {
            let slot = queue.reserve(self.call.remote, tos, datagram.len());
            let mut slot = slot.unwrap();
            slot.copy_from_slice(datagram);
            slot.commit();
        }
        wait_for("room in the socket", || {
            let report = self.data.send_batch(&mut queue).unwrap();
            assert_eq!((report.dropped, report.dropped_too_big), (0, 0));
            (!report.blocked).then_some(())
        });
    }
}
