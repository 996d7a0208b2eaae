//! A link's plan as the configuration of a gateway that plays our side.

use std::fmt::Write;
use std::net::Ipv4Addr;

use linkveil_macsec::{CipherSuite, Protection, TxForm};
use linkveil_wire::An;
use linkveil_wire::sectag::PnWidth;

use crate::macsec::plan::{End, LinkPlan, hex, salt, sci_hex};

/// What only the running test knows.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The device to protect.
    pub port: &'a str,
    /// The device for plain frames.
    pub device: &'a str,
    /// Its namespace.
    pub netns: &'a str,
    /// The gateway's control socket.
    pub control_socket: &'a str,
}

impl LinkPlan {
    /// The configuration with static keys. All associations of `rx` are there from the start; another `tx` takes a new
    /// start.
    ///
    /// There is one word for all channels that frames do not name. Without replay protection there is none: a gateway
    /// always has it.
    #[must_use]
    pub fn gateway_config(&self, place: &Place<'_>) -> String {
        let protect = match self.protection {
            Protection::Confidentiality => "confidentiality",
            Protection::Integrity => "integrity",
        };
        let sci = match self.form {
            TxForm::Explicit => "explicit",
            TxForm::PointToPoint | TxForm::EndStation => "implied",
        };
        let rx: Vec<_> = self.rx.iter().map(|an| self.rx_entry(*an)).collect();
        let mut out = format!(
            "[node]\nname = \"gw\"\nprivate_key_file = \"node.key\"\nlanes = 1\ncontrol_socket = {:?}\n",
            place.control_socket
        );
        let address = Ipv4Addr::from(End::Ours.address());
        let lines = [
            ("port", format!("{:?}", place.port)),
            ("device", format!("{:?}", place.device)),
            ("netns", format!("{:?}", place.netns)),
            ("suite", format!("\"{}\"", self.suite)),
            ("protect", format!("{protect:?}")),
            ("sci", format!("{sci:?}")),
            ("replay_window", self.policy.window.get().to_string()),
            ("validate", format!("\"{}\"", self.policy.validate)),
            ("promiscuous", "true".to_owned()),
            ("addresses", format!("[\"{address}/24\"]")),
        ];
        out += "\n[[macsec]]\nname = \"trunk\"\n";
        for (key, value) in lines {
            writeln!(out, "{key} = {value}").unwrap();
        }
        writeln!(out, "\n[macsec.keys]\nmode = \"static\"").unwrap();
        writeln!(out, "state_file = \"trunk.pn\"").unwrap();
        writeln!(
            out,
            "tx = {{ port_id = 1, {} }}",
            self.entry(End::Ours, self.tx)
        )
        .unwrap();
        writeln!(out, "rx = [{}]", rx.join(", ")).unwrap();
        out
    }

    fn rx_entry(&self, an: An) -> String {
        let sci = sci_hex(End::Machine.sci());
        format!("{{ sci = \"{sci}\", {} }}", self.entry(End::Machine, an))
    }

    fn entry(&self, end: End, an: An) -> String {
        let (key, number) = (hex(&self.key(end, an)), self.first_pn);
        let mut entry = format!("an = {an}, key = \"{key}\", pn = {number}");
        if extended(self.suite) {
            let (ssci, salt) = (end.ssci().get(), hex(&salt(end, an)));
            write!(entry, ", ssci = \"{ssci:08x}\", salt = \"{salt}\"").unwrap();
        }
        entry
    }
}

fn extended(suite: CipherSuite) -> bool {
    suite.pn_width() == PnWidth::Bits64
}
