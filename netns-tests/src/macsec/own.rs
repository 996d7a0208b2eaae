//! Our side made of crate `macsec`, a TAP device and AF_PACKET: one thread each way.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use linkveil_macsec::{PortMtu, RxSak, RxSecy, SaTerms, TxConfig, TxSak, TxSc};
use linkveil_net::Offloads;
use linkveil_net::batch::{InnerSlice, RecvMeta, TunBatch, UdpBatch};
use linkveil_net::traits::TunQueue;
use linkveil_net::tun::{DeviceKind, LinuxTun, TunDevice};
use linkveil_sa::{Counter, Counters};
use linkveil_wire::An;
use pnet::datalink::{DataLinkReceiver, DataLinkSender};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::macsec::forge::{PlainPort, open_port};
use crate::macsec::plan::{End, LinkPlan, OUR_MAC, OVERHEAD};
use crate::macsec::side::{Counts, Side};
use crate::netns::Namespace;

/// The device for plain frames.
const DEVICE: &str = "trunk";
/// How long a thread waits before it looks whether it shall end.
const LOOK: Duration = Duration::from_millis(20);

/// See the module's text. Ends on drop.
#[derive(Debug)]
pub struct OwnSide {
    site: Namespace,
    tx: Arc<Mutex<TxSc>>,
    rx: Arc<Mutex<RxSecy>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl OwnSide {
    /// Starts it on the device `port` of the namespace `host`.
    ///
    /// # Panics
    ///
    /// If the system refuses.
    #[must_use]
    pub fn start(host: &Namespace, port: &str, plan: &LinkPlan) -> Self {
        let site = Namespace::new("site");
        let made = site.run(|| TunDevice::create(DEVICE, DeviceKind::Tap, 1, Offloads::None, None));
        let tap = made.unwrap().remove(0);
        let mac = OUR_MAC.map(|octet| format!("{octet:02x}")).join(":");
        let (mtu, address) = (
            plan.port_mtu - OVERHEAD,
            Ipv4Addr::from(End::Ours.address()),
        );
        site.ip(&format!("link set {DEVICE} addrgenmode none"));
        site.ip(&format!("link set {DEVICE} address {mac} mtu {mtu} up"));
        site.ip(&format!("address add {address}/24 dev {DEVICE}"));
        let mut side = Self {
            site,
            tx: Arc::new(Mutex::new(transmit_channel(plan))),
            rx: Arc::new(Mutex::new(receiver(plan))),
            stop: Arc::new(AtomicBool::new(false)),
            threads: Vec::new(),
        };
        side.change(plan);
        side.run(tap, open_port(host, port));
        side
    }

    /// Goes over to this plan, of which only associations differ: it can receive under all of `rx` when this returns, and
    /// sends under `tx`.
    ///
    /// # Panics
    ///
    /// If an association is impossible.
    pub fn change(&mut self, plan: &LinkPlan) {
        let (mut tx, mut rx) = (self.tx.lock().unwrap(), self.rx.lock().unwrap());
        let installed = |an: An| rx.channels()[0].association(an).is_some();
        let fresh: Vec<_> = plan.rx.iter().filter(|an| !installed(**an)).collect();
        for an in fresh {
            let sak = RxSak::new(plan.sak(End::Machine, *an), terms(plan));
            rx.install(*an, sak.unwrap()).unwrap();
        }
        if tx.association(plan.tx).is_none() {
            let sak = TxSak::new(plan.sak(End::Ours, plan.tx), terms(plan));
            tx.install(plan.tx, sak.unwrap()).unwrap();
        }
        assert!(tx.encode_with(plan.tx));
    }

    fn run(&mut self, tap: LinuxTun, port: PlainPort) {
        let tap = Arc::new(Mutex::new(tap));
        let (outward, inward) = (Arc::clone(&tap), tap);
        let (tx, rx) = (Arc::clone(&self.tx), Arc::clone(&self.rx));
        let (stop, stop_too) = (Arc::clone(&self.stop), Arc::clone(&self.stop));
        let PlainPort { sender, receiver } = port;
        self.threads = vec![
            thread::spawn(move || send(&outward, &tx, sender, &stop)),
            thread::spawn(move || receive(receiver, &rx, &inward, &stop_too)),
        ];
    }
}

/// The channel that we send on, without associations.
fn transmit_channel(plan: &LinkPlan) -> TxSc {
    TxSc::new(TxConfig {
        suite: plan.suite,
        sci: End::Ours.sci(),
        form: plan.form,
        protection: plan.protection,
        mtu: PortMtu::new(plan.port_mtu),
    })
    .unwrap()
}

/// The receiver of the machine's channel, without associations.
#[must_use]
fn receiver(plan: &LinkPlan) -> RxSecy {
    let mut rx = RxSecy::new(plan.suite, plan.policy);
    rx.add_channel(End::Machine.sci()).unwrap();
    rx
}

fn terms(plan: &LinkPlan) -> SaTerms {
    SaTerms {
        first_pn: plan.first_pn,
        ..SaTerms::of(plan.suite)
    }
}

fn send(
    tap: &Mutex<LinuxTun>,
    tx: &Mutex<TxSc>,
    mut port: Box<dyn DataLinkSender>,
    stop: &AtomicBool,
) {
    let mut batch = TunBatch::new(64, usize::MAX);
    let descriptor = rustix::io::dup(&*tap.lock().unwrap()).unwrap();
    while !stop.load(Ordering::Relaxed) {
        let wait = Timespec::try_from(LOOK).unwrap();
        poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], Some(&wait)).unwrap();
        tap.lock().unwrap().recv_batch(&mut batch).unwrap();
        for packet in batch.packets_mut() {
            let mut tx = tx.lock().unwrap();
            let (before, plain) = (tx.headroom(), packet.bytes());
            let mut frame = vec![0; plain.len() + tx.overhead()];
            frame[before..][..plain.len()].copy_from_slice(plain);
            if tx.protect(&mut frame).is_ok() {
                port.send_to(&frame, None).unwrap().unwrap();
            }
        }
    }
}

fn receive(
    mut port: Box<dyn DataLinkReceiver>,
    rx: &Mutex<RxSecy>,
    tap: &Mutex<LinuxTun>,
    stop: &AtomicBool,
) {
    while !stop.load(Ordering::Relaxed) {
        // An error is a read that timed out.
        let Ok(frame) = port.next() else { continue };
        // A tap of a network interface shows what others send on it, too.
        if frame[6..12] == OUR_MAC || frame[12..14] != [0x88, 0xe5] {
            continue;
        }
        let mut frame = frame.to_vec();
        if let Ok(delivered) = rx.lock().unwrap().validate(&mut frame) {
            give(&mut tap.lock().unwrap(), delivered.into_frame());
        }
    }
}

fn give(tap: &mut LinuxTun, frame: &[u8]) {
    let mut arena = UdpBatch::new(1);
    let meta = RecvMeta {
        remote: ([127, 0, 0, 1], 1).into(),
        len: frame.len(),
        stride: frame.len(),
        tos: 0,
    };
    arena.push(meta, frame).unwrap();
    let range = 0..frame.len();
    let frames = [InnerSlice { buffer: 0, range }].into_iter().collect();
    assert_eq!(tap.send_batch(&frames, &arena).sent, 1);
}

impl Side for OwnSide {
    fn site(&self) -> &Namespace {
        &self.site
    }

    fn device(&self) -> &str {
        DEVICE
    }

    fn counts(&self) -> Counts {
        let (tx, rx) = (self.tx.lock().unwrap(), self.rx.lock().unwrap());
        let mut counts = Counts::new();
        add(&mut counts, tx.counters());
        add(&mut counts, rx.counters());
        for channel in rx.channels() {
            add(&mut counts, channel.counters());
        }
        counts
    }
}

fn add<C: Counter>(counts: &mut Counts, counters: &Counters<C>) {
    for (name, count) in counters.named() {
        *counts.entry(name.to_owned()).or_default() += count;
    }
}

impl Drop for OwnSide {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}
