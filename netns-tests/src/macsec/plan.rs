//! A link as a value: suite, options, keys, and what to tell the kernel.

use linkveil_crypto::AesKey;
use linkveil_macsec::{CipherSuite, Protection, ReplayProtect, RxPolicy, Sak, Salt};
use linkveil_macsec::{TxForm, Validate, WindowSize};
use linkveil_wire::sectag::PnWidth;
use linkveil_wire::{An, MacAddr, PacketNumber, PortId, Sci, Ssci};

use crate::vm::{MACHINE_DEVICE, MACHINE_MAC};

/// The address of our port.
pub const OUR_MAC: [u8; 6] = [0x02, 0xaa, 0, 0, 0, 1];
/// The machine's device for plain frames.
pub const MACSEC_DEVICE: &str = "macsec0";
/// Octets of SecTAG with SCI and ICV.
pub const OVERHEAD: u16 = 32;

/// The two ends of the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Ours.
    Ours,
    /// The machine's.
    Machine,
}

impl End {
    /// Its channel, on which it sends.
    #[must_use]
    pub fn sci(self) -> Sci {
        let mac = match self {
            Self::Ours => OUR_MAC,
            Self::Machine => MACHINE_MAC,
        };
        Sci::new(MacAddr::new(mac), PortId::END_STATION)
    }

    /// Short identifier of its channel under keys with 64-bit numbers.
    #[must_use]
    pub const fn ssci(self) -> Ssci {
        match self {
            Self::Ours => Ssci::new(1),
            // As text a number of base 16, which shows that the kernel's tool takes it so.
            Self::Machine => Ssci::new(0x10),
        }
    }

    /// First octet of its keys and salts.
    const fn octet(self) -> u8 {
        match self {
            Self::Ours => 0x10,
            Self::Machine => 0x20,
        }
    }

    /// IPv4 address of its device for plain frames.
    #[must_use]
    pub const fn address(self) -> [u8; 4] {
        match self {
            Self::Ours => [10, 3, 0, 1],
            Self::Machine => [10, 3, 0, 2],
        }
    }
}

/// A link of both ends. They have the same options.
#[derive(Clone, Debug)]
pub struct LinkPlan {
    /// The suite.
    pub suite: CipherSuite,
    /// What both do with user data.
    pub protection: Protection,
    /// How both name their channels.
    pub form: TxForm,
    /// How both treat what they receive.
    pub policy: RxPolicy,
    /// MTU of the wire.
    pub port_mtu: u16,
    /// The associations that we can receive under, which are those the machine may send under.
    pub rx: Vec<An>,
    /// The association that we send under.
    pub tx: An,
    /// First packet number of all of them.
    pub first_pn: PacketNumber,
}

impl LinkPlan {
    /// Encrypted, with SCI, strict, a window of 32, MTU 1500, association 0.
    #[must_use]
    pub fn new(suite: CipherSuite) -> Self {
        Self {
            suite,
            protection: Protection::Confidentiality,
            form: TxForm::Explicit,
            policy: policy(Validate::Strict, ReplayProtect::On),
            port_mtu: 1500,
            rx: vec![An::ALL[0]],
            tx: An::ALL[0],
            first_pn: PacketNumber::FIRST,
        }
    }

    /// The key of an association on which `end` sends.
    ///
    /// # Panics
    ///
    /// Never: key and salt fit the suite.
    #[must_use]
    pub fn sak(&self, end: End, an: An) -> Sak {
        self.sak_for(end.sci(), end, an)
    }

    /// The same octets as a key of another channel.
    ///
    /// # Panics
    ///
    /// Never: key and salt fit the suite.
    #[must_use]
    pub fn sak_for(&self, sci: Sci, end: End, an: An) -> Sak {
        let key = AesKey::copy_from(&self.key(end, an)).unwrap();
        match self.suite.pn_width() {
            PnWidth::Bits32 => Sak::new(self.suite, sci, key).unwrap(),
            PnWidth::Bits64 => {
                let salt = Salt::new(salt(end, an));
                Sak::extended(self.suite, (sci, end.ssci()), key, &salt).unwrap()
            }
        }
    }

    pub(super) fn key(&self, end: End, an: An) -> Vec<u8> {
        vec![end.octet() + an.get(); self.suite.key_len()]
    }

    /// What makes the machine's device, with address and everything, and nothing of a former one.
    #[must_use]
    pub fn kernel_setup(&self) -> String {
        let address = End::Machine.address().map(|octet| octet.to_string());
        let mut commands = format!(
            "link set {MACHINE_DEVICE} mtu {mtu}\n\
             link add link {MACHINE_DEVICE} {MACSEC_DEVICE} type macsec port 1 cipher {suite} {options}\n\
             macsec add {MACSEC_DEVICE} rx sci {ours}\n\
             address add {address}/24 dev {MACSEC_DEVICE}\n\
             link set {MACSEC_DEVICE} up\n",
            mtu = self.port_mtu,
            suite = self.suite,
            options = self.kernel_options(),
            ours = sci_hex(End::Ours.sci()),
            address = address.join("."),
        );
        commands += &self.kernel_tx(self.rx[0]);
        commands += &self.kernel_rx(self.tx);
        if self.policy.replay_protect == ReplayProtect::Off {
            // The tool refuses a window where it does not ask for protection.
            commands += &format!("link set {MACSEC_DEVICE} type macsec replay off\n");
        }
        let delete = format!("ip link del {MACSEC_DEVICE} 2>/dev/null || true\n");
        delete + &batch(&commands)
    }

    /// The options of `ip link add ... type macsec`. Most are not what they are by default.
    fn kernel_options(&self) -> String {
        let encrypt = match self.protection {
            Protection::Confidentiality => "encrypt on",
            Protection::Integrity => "encrypt off",
        };
        let name = match self.form {
            TxForm::Explicit => "send_sci on",
            TxForm::EndStation => "send_sci off end_station on",
            TxForm::PointToPoint => "send_sci off",
        };
        let (window, validate, an) = (self.policy.window.get(), self.policy.validate, self.rx[0]);
        format!("{encrypt} {name} replay on window {window} validate {validate} encodingsa {an}")
    }

    /// Gives the machine an association to send under: a line for [`batch`].
    #[must_use]
    pub fn kernel_tx(&self, an: An) -> String {
        format!(
            "macsec add {MACSEC_DEVICE} tx sa {an} {}\n",
            self.kernel_key(End::Machine, an)
        )
    }

    /// Gives the machine an association to receive under: a line for [`batch`].
    #[must_use]
    pub fn kernel_rx(&self, an: An) -> String {
        self.kernel_rx_on(End::Ours.sci(), an)
    }

    /// The same with our key on another channel.
    #[must_use]
    pub fn kernel_rx_on(&self, sci: Sci, an: An) -> String {
        format!(
            "macsec add {MACSEC_DEVICE} rx sci {} sa {an} {}\n",
            sci_hex(sci),
            self.kernel_key(End::Ours, an)
        )
    }

    fn kernel_key(&self, end: End, an: An) -> String {
        let number = self.first_pn.get();
        let numbers = match self.suite.pn_width() {
            PnWidth::Bits32 => format!("pn {number}"),
            // The tool reads SSCI and salt as numbers of base 16.
            PnWidth::Bits64 => format!(
                "xpn {number} ssci {:08x} salt {}",
                end.ssci().get(),
                hex(&salt(end, an))
            ),
        };
        let key = hex(&self.key(end, an));
        format!("{numbers} on key {:02x} {key}", end.octet() + an.get())
    }
}

/// With a window of 32.
///
/// # Panics
///
/// Never: windows of 32 exist.
#[must_use]
pub fn policy(validate: Validate, replay_protect: ReplayProtect) -> RxPolicy {
    RxPolicy {
        validate,
        replay_protect,
        window: WindowSize::new(32).unwrap(),
    }
}

pub(super) const fn salt(end: End, an: An) -> [u8; Salt::LEN] {
    let first = end.octet() + an.get();
    [first, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
}

pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// A script that gives these lines to `ip`, all at once: each start of it takes long in a machine. The first that fails
/// ends it.
#[must_use]
pub fn batch(commands: &str) -> String {
    format!("ip -batch - <<END\n{}\nEND\n", commands.trim_end())
}

/// An SCI as the kernel's tool takes it.
#[must_use]
pub fn sci_hex(sci: Sci) -> String {
    hex(&sci.to_bytes())
}
