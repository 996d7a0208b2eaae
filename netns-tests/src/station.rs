//! A host in an Ethernet VPC that sends and sees whole frames, tags included: the other end of a TAP device that is
//! bridged with the gateway's device.

use std::collections::VecDeque;
use std::time::Duration;

use linkveil_net::Offloads;
use linkveil_net::batch::{InnerSlice, RecvMeta, TunBatch, UdpBatch};
use linkveil_net::traits::TunQueue;
use linkveil_net::tun::{DeviceKind, LinuxTun, TunDevice};

use crate::netns::Namespace;
use crate::timing::{pause, wait_for};

/// The station's device in the tenant's namespace.
const DEVICE: &str = "station0";
const BRIDGE: &str = "br0";
/// Large enough for every frame of these tests.
const MTU: u16 = 2_000;

/// How long nothing must come before nothing is believed to come.
const QUIET: Duration = Duration::from_millis(300);

/// See the module's text.
#[derive(Debug)]
pub struct Station {
    tap: LinuxTun,
    /// Came, and nobody has asked for it yet.
    waiting: VecDeque<Vec<u8>>,
}

impl Station {
    /// Makes the station and a bridge between it and `device`.
    ///
    /// # Panics
    ///
    /// If the system refuses.
    #[must_use]
    pub fn plug_in(tenant: &Namespace, device: &str) -> Self {
        let made =
            tenant.run(|| TunDevice::create(DEVICE, DeviceKind::Tap, 1, Offloads::None, None));
        tenant.ip(&format!("link add {BRIDGE} type bridge mcast_snooping 0"));
        for quiet in [DEVICE, BRIDGE] {
            tenant.ip(&format!("link set {quiet} addrgenmode none"));
        }
        tenant.ip(&format!("link set {DEVICE} mtu {MTU}"));
        for port in [device, DEVICE] {
            tenant.ip(&format!("link set {port} master {BRIDGE}"));
            tenant.ip(&format!("link set {port} up"));
        }
        tenant.ip(&format!("link set {BRIDGE} up"));
        Self {
            tap: made.unwrap().remove(0),
            waiting: VecDeque::new(),
        }
    }

    /// Sends a frame.
    ///
    /// # Panics
    ///
    /// If the device does not take it.
    pub fn send(&mut self, frame: &[u8]) {
        let mut arena = UdpBatch::new(1);
        let meta = RecvMeta {
            remote: ([127, 0, 0, 1], 1).into(),
            len: frame.len(),
            stride: frame.len(),
            tos: 0,
        };
        arena.push(meta, frame).unwrap();
        let range = 0..frame.len();
        let report = self.tap.send_batch(
            &[InnerSlice { buffer: 0, range }].into_iter().collect(),
            &arena,
        );
        assert_eq!(report.sent, 1, "the device refused {frame:02x?}");
    }

    /// Waits for one frame.
    ///
    /// # Panics
    ///
    /// If none comes, or another one before it.
    #[track_caller]
    pub fn expect(&mut self, frame: &[u8]) {
        assert_eq!(self.next_frame(), frame);
    }

    /// Waits for a frame, whatever it is.
    ///
    /// # Panics
    ///
    /// If none comes.
    #[track_caller]
    pub fn next_frame(&mut self) -> Vec<u8> {
        wait_for("a frame", || {
            self.receive();
            self.waiting.pop_front()
        })
    }

    /// Waits a while and demands that nothing comes.
    ///
    /// # Panics
    ///
    /// If something does.
    #[track_caller]
    pub fn expect_silence(&mut self) {
        pause(QUIET);
        self.receive();
        assert!(self.waiting.is_empty(), "{:02x?}", self.waiting);
    }

    fn receive(&mut self) {
        let mut batch = TunBatch::new(64, usize::MAX);
        self.tap.recv_batch(&mut batch).unwrap();
        let frames = batch.packets_mut().map(|packet| packet.bytes().to_vec());
        self.waiting.extend(frames);
    }
}
