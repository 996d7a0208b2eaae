//! The machine's side: setting it up, reading its counters.

use serde_json::Value;

use linkveil_wire::{An, MacAddr, PortId, Sci};

use crate::macsec::plan::{End, LinkPlan, MACSEC_DEVICE, OUR_MAC, batch, sci_hex};
use crate::macsec::side::Counts;
use crate::netns::Namespace;
use crate::skip::skipped;
use crate::vm::KernelVm;

/// The machine's end of a link.
#[derive(Debug)]
pub struct KernelSide {
    /// The machine.
    pub machine: KernelVm,
}

/// What the kernel has counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KernelCounts {
    /// By the standard's names in `snake_case`: those of the device and of the channel on which we send.
    pub counts: Counts,
    /// Frames that came out of the device for plain frames.
    pub delivered: u64,
    /// Frames accepted on the channel of [`marker_sci`].
    pub markers: u64,
}

/// A second channel on which [`crate::macsec::forge`] sends, so that one can tell when all that was sent before was seen.
#[must_use]
pub fn marker_sci() -> Sci {
    Sci::new(MacAddr::new(OUR_MAC), PortId::new(99))
}

impl KernelSide {
    /// Our host, and a machine at the other end of its device `port`, which has our address. `None` where there can be no
    /// machine, which is said.
    ///
    /// # Panics
    ///
    /// If the machine does not start although it could.
    #[must_use]
    #[track_caller]
    pub fn wire(port: &str) -> Option<(Namespace, Self)> {
        let host = Namespace::new("host");
        match KernelVm::boot(&host, port) {
            Ok(machine) => {
                let mac = OUR_MAC.map(|octet| format!("{octet:02x}")).join(":");
                host.ip(&format!("link set {port} address {mac}"));
                Some((host, Self { machine }))
            }
            Err(reason) => {
                skipped(&reason.0);
                None
            }
        }
    }

    /// Makes the device of this plan, in place of a former one.
    ///
    /// # Panics
    ///
    /// If the kernel refuses.
    pub fn set_up(&mut self, plan: &LinkPlan) {
        self.machine.sh(&plan.kernel_setup());
    }

    /// Gives the machine a new association to send under, and lets it do so.
    ///
    /// # Panics
    ///
    /// If the kernel refuses.
    pub fn send_under(&mut self, plan: &LinkPlan, an: An) {
        let switch = format!("link set {MACSEC_DEVICE} type macsec encodingsa {an}");
        self.machine.sh(&batch(&(plan.kernel_tx(an) + &switch)));
    }

    /// Gives the machine a new association to receive under.
    ///
    /// # Panics
    ///
    /// If the kernel refuses.
    pub fn receive_under(&mut self, plan: &LinkPlan, an: An) {
        self.machine.sh(&batch(&plan.kernel_rx(an)));
    }

    /// Takes the machine's associations of this number away.
    ///
    /// # Panics
    ///
    /// If the kernel refuses.
    pub fn forget(&mut self, an: An) {
        let ours = sci_hex(End::Ours.sci());
        self.machine.sh(&batch(&format!(
            "macsec set {MACSEC_DEVICE} tx sa {an} off\n\
             macsec del {MACSEC_DEVICE} tx sa {an}\n\
             macsec set {MACSEC_DEVICE} rx sci {ours} sa {an} off\n\
             macsec del {MACSEC_DEVICE} rx sci {ours} sa {an}"
        )));
    }

    /// Lets the machine ping us, `count` times, with IP packets of so many octets that must not be fragmented, and says
    /// whether all were answered.
    ///
    /// # Panics
    ///
    /// If the machine does not answer.
    pub fn ping(&mut self, count: u32, packet_octets: u16) -> bool {
        let [a, b, c, d] = End::Ours.address();
        let payload = packet_octets - 28;
        let ping = format!("ping -q -i 0.02 -c {count} -W 5 -s {payload} {a}.{b}.{c}.{d}");
        let finished = self.machine.run(&ping);
        finished.output.contains(" 0% packet loss")
    }

    /// Frames that it has accepted on a channel.
    ///
    /// # Panics
    ///
    /// If the kernel's tool prints otherwise than it used to.
    pub fn accepted_on(&mut self, sci: Sci) -> u64 {
        let show = format!("ip -j -s macsec show {MACSEC_DEVICE}");
        let devices: Value = serde_json::from_str(&self.machine.sh(&show)).unwrap();
        channel(&devices[0], sci)["InPktsOK"].as_u64().unwrap()
    }

    /// What it has counted.
    ///
    /// # Panics
    ///
    /// If the kernel's tool prints otherwise than it used to.
    pub fn counts(&mut self) -> KernelCounts {
        let printed = self.machine.sh(&format!(
            "ip -j -s macsec show {MACSEC_DEVICE}\ncat /sys/class/net/{MACSEC_DEVICE}/statistics/rx_packets"
        ));
        let (json, delivered) = printed.trim_end().rsplit_once('\n').unwrap();
        let device: Value = serde_json::from_str::<Value>(json).unwrap()[0].take();
        let mut counts = counters(&device);
        counts.extend(counters(channel(&device, End::Ours.sci())));
        let markers = counters(channel(&device, marker_sci()));
        KernelCounts {
            counts,
            delivered: delivered.parse().unwrap(),
            markers: markers.get("in_pkts_ok").copied().unwrap_or(0),
        }
    }
}

fn channel(device: &Value, sci: Sci) -> &Value {
    // The tool prints it as a number.
    let name = format!("{:#x}", u64::from_be_bytes(sci.to_bytes()));
    let channels = device["rx_sc"].as_array();
    let mut channels = channels.into_iter().flatten();
    channels
        .find(|channel| channel["sci"] == name.as_str())
        .unwrap_or(&Value::Null)
}

/// The numbers of an object whose names begin as counters do.
fn counters(object: &Value) -> Counts {
    let fields = object.as_object().into_iter().flatten();
    fields
        .filter(|(name, _)| name.starts_with("In") || name.starts_with("Out"))
        .filter_map(|(name, value)| Some((snake_case(name), value.as_u64()?)))
        .collect()
}

/// `InPktsUnknownSCI` as `in_pkts_unknown_sci`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let mut before = 'X';
    for letter in name.chars() {
        // An abbreviation goes on as it began.
        if letter.is_uppercase() && before.is_lowercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
        before = letter;
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_named_as_ours() {
        for (theirs, ours) in [
            ("InPktsUnknownSCI", "in_pkts_unknown_sci"),
            ("InPktsNotUsingSA", "in_pkts_not_using_sa"),
            ("InPktsOK", "in_pkts_ok"),
            ("OutOctetsEncrypted", "out_octets_encrypted"),
        ] {
            assert_eq!(snake_case(theirs), ours);
        }
    }
}
