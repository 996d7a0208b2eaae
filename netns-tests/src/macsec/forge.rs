//! Frames by hand, for what no side sends.

use std::time::Duration;

use linkveil_macsec::{PortMtu, Protection, SaTerms, TxConfig, TxForm, TxSak, TxSc};
use linkveil_wire::{An, PacketNumber, Sci};
use pnet::datalink::{self, Channel, Config, DataLinkReceiver, DataLinkSender};

use crate::macsec::plan::{End, LinkPlan, OUR_MAC};
use crate::netns::Namespace;
use crate::vm::MACHINE_MAC;

/// Longer than any frame.
const BUFFER: usize = 1 << 16;
/// What a protected frame holds, an EtherType for experiments (IEEE 802) in front: nobody answers.
const EXPERIMENT: [u8; 2] = [0x88, 0xb5];

/// The two halves of an AF_PACKET socket.
pub struct PlainPort {
    /// Onto the wire.
    pub sender: Box<dyn DataLinkSender>,
    /// From the wire; an error is 20 ms without a frame.
    pub receiver: Box<dyn DataLinkReceiver>,
}

impl std::fmt::Debug for PlainPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlainPort").finish_non_exhaustive()
    }
}

/// Opens a device.
///
/// # Panics
///
/// If there is no such device, or without the right to.
#[must_use]
pub fn open_port(namespace: &Namespace, device: &str) -> PlainPort {
    namespace.run(|| {
        let interfaces = datalink::interfaces();
        let interface = interfaces.iter().find(|found| found.name == device);
        let config = Config {
            read_buffer_size: BUFFER,
            write_buffer_size: BUFFER,
            read_timeout: Some(Duration::from_millis(20)),
            ..Config::default()
        };
        match datalink::channel(interface.unwrap(), config) {
            Ok(Channel::Ethernet(sender, receiver)) => PlainPort { sender, receiver },
            _ => panic!("{device}: no channel of frames"),
        }
    })
}

/// How a frame is made. Its key is that of our channel and association, whatever it says.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// The channel that it names.
    pub sci: Sci,
    /// How it names it.
    pub form: TxForm,
    /// The association that it names.
    pub an: An,
    /// Its number.
    pub number: u64,
    /// What is done with its user data.
    pub protection: Protection,
    /// Octets of user data, of which two are the EtherType.
    pub user_data: usize,
}

impl Recipe {
    /// A good frame.
    #[must_use]
    pub fn good(plan: &LinkPlan, number: u64) -> Self {
        Self {
            sci: End::Ours.sci(),
            form: plan.form,
            an: plan.tx,
            number,
            protection: plan.protection,
            user_data: 80,
        }
    }

    /// The secured frame.
    ///
    /// # Panics
    ///
    /// If there is no such frame.
    #[must_use]
    pub fn secured(&self, plan: &LinkPlan) -> Vec<u8> {
        let mut tx = TxSc::new(TxConfig {
            suite: plan.suite,
            sci: self.sci,
            form: self.form,
            protection: self.protection,
            mtu: PortMtu::new(plan.port_mtu),
        })
        .unwrap();
        let terms = SaTerms {
            first_pn: PacketNumber::new(self.number),
            ..SaTerms::of(plan.suite)
        };
        let sak = TxSak::new(plan.sak_for(self.sci, End::Ours, self.an), terms);
        tx.install(self.an, sak.unwrap()).unwrap();
        assert!(tx.encode_with(self.an));
        let plain = plain(self.user_data);
        let before = tx.headroom();
        let mut frame = vec![0; plain.len() + tx.overhead()];
        frame[before..][..plain.len()].copy_from_slice(&plain);
        tx.protect(&mut frame).unwrap();
        frame
    }
}

/// A plain frame with so many octets of user data.
#[must_use]
pub fn plain(user_data: usize) -> Vec<u8> {
    let filling = vec![0x5a; user_data - EXPERIMENT.len()];
    [&MACHINE_MAC[..], &OUR_MAC, &EXPERIMENT, &filling].concat()
}
