//! The `[macsec.keys]` table: keys by handshake, or written down.

use super::*;
use crate::config::{Exposure, secrets};
use zeroize::Zeroizing;

const NOISE_KEYS: &[&str] = &["mode", "peer_public_key", "rekey_after", "psk_files"];
const STATIC_KEYS: &[&str] = &["mode", "state_file", "unsafe_reuse_pn", "tx", "rx"];
const TX_KEYS: &[&str] = &["port_id", "an", "key", "pn", "ssci", "salt"];
const RX_KEYS: &[&str] = &["sci", "an", "key", "pn", "ssci", "salt"];

/// Where the keys of a port come from.
#[derive(Debug)]
pub enum MacsecKeys {
    /// linkveil's handshake.
    Noise(NoiseKeys),
    /// The configuration.
    Static(StaticKeys),
}

/// Who is on the other end, and how the handshake with it is done.
pub struct NoiseKeys {
    /// The key that the peer proves to hold.
    pub peer_public_key: PublicKey,
    /// Age at which keys are replaced: one minute to one day.
    pub rekey_after: Duration,
    /// The pre-shared key, all zeros where no part is given.
    pub psk: Psk,
}

impl std::fmt::Debug for NoiseKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NoiseKeys")
            .field("peer_public_key", &self.peer_public_key)
            .finish_non_exhaustive()
    }
}

/// Keys that never change.
#[derive(Debug)]
pub struct StaticKeys {
    /// Where the packet numbers that may have been used are written down.
    pub state_file: std::path::PathBuf,
    /// Whether they matter.
    pub reuse: PnReuse,
    /// The key that this node seals with.
    pub tx: TxKey,
    /// The keys of those that it hears: at least one.
    pub rx: Vec<RxKey>,
}

/// Whether packet numbers may be used again after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PnReuse {
    /// Never: with the same key and number, two frames give each other away.
    Refused,
    /// `unsafe_reuse_pn = true`: for tests.
    Unsafe,
}

/// A key to seal with.
#[derive(Debug)]
pub struct TxKey {
    /// Port identifier of the channel; its address is that of the port.
    pub port_id: PortId,
    /// What it has in common with keys to open with.
    pub key: KeyTerms,
}

/// A key to open with.
#[derive(Debug)]
pub struct RxKey {
    /// Name of the sender's channel.
    pub sci: Sci,
    /// What it has in common with the key to seal with.
    pub key: KeyTerms,
}

/// A key and its terms.
#[derive(Debug)]
pub struct KeyTerms {
    /// Number of the association.
    pub an: An,
    /// First packet number.
    pub first_pn: PacketNumber,
    /// The key, of the suite's length.
    pub key: StaticKey,
    /// SSCI and salt, with the XPN suites and only with them.
    pub extended: Option<(Ssci, Salt)>,
}

/// A key that is in no output.
pub struct StaticKey(pub AesKey);

impl std::fmt::Debug for StaticKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StaticKey(..)")
    }
}

/// What the checks of keys look up elsewhere.
pub(in crate::config) struct Context<'c> {
    /// Where relative paths start.
    pub(in crate::config) folder: &'c Path,
    /// Who may read the file.
    pub(in crate::config) exposure: Exposure,
    /// The control socket, beside which state files are.
    pub(in crate::config) control_socket: Option<&'c Path>,
    /// This node's key.
    pub(in crate::config) own_key: Option<PublicKey>,
    /// `[crypto] rekey_after`.
    pub(in crate::config) rekey_after: Option<Duration>,
}

/// What is known of the port whose keys are checked.
pub(super) struct Port<'p> {
    pub(super) name: Option<&'p str>,
    pub(super) suite: Option<CipherSuite>,
}

pub(super) fn check(
    section: &Section<'_>,
    port: &Port<'_>,
    context: &Context<'_>,
    problems: &mut Problems,
) -> Option<MacsecKeys> {
    let Some(entry) = section.get("keys") else {
        let fix = "add a [macsec.keys] table under the port: mode = \"noise\" and peer_public_key";
        section.missing("keys", fix, problems);
        return None;
    };
    let keys = entry.section(&format!("{} keys", section.label()), problems)?;
    let Some(mode) = keys.get("mode") else {
        keys.missing(
            "mode",
            "write mode = \"noise\" or mode = \"static\"",
            problems,
        );
        return None;
    };
    match mode.text("\"noise\"", problems)? {
        "noise" => noise(&keys, context, problems).map(MacsecKeys::Noise),
        "static" => fixed(&keys.secret(), port, context, problems).map(MacsecKeys::Static),
        _ => {
            let fix = "write \"noise\" for keys by handshake, or \"static\" for keys in this file";
            mode.refuse("there is no such mode", fix, problems);
            None
        }
    }
}

fn noise(
    section: &Section<'_>,
    context: &Context<'_>,
    problems: &mut Problems,
) -> Option<NoiseKeys> {
    section.allow_only(NOISE_KEYS, problems);
    let rekey_after = match section.get("rekey_after") {
        Some(entry) => values::rekey_after(&entry, problems),
        None => context.rekey_after,
    };
    let psk = match section.get("psk_files") {
        Some(entry) => secrets::psk(&entry, context.folder, problems),
        None => Psk::combine(None, None).ok(),
    };
    let Some(entry) = section.get("peer_public_key") else {
        let fix = "write what `linkveil pubkey` prints on the peer";
        section.missing("peer_public_key", fix, problems);
        return None;
    };
    let peer_public_key = values::public_key(&entry, problems)?;
    if context.own_key == Some(peer_public_key) {
        let fix = "write the peer's key: `linkveil pubkey < its key file`";
        entry.refuse("this is the node's own key", fix, problems);
    }
    Some(NoiseKeys {
        peer_public_key,
        rekey_after: rekey_after?,
        psk: psk?,
    })
}

fn fixed(
    section: &Section<'_>,
    port: &Port<'_>,
    context: &Context<'_>,
    problems: &mut Problems,
) -> Option<StaticKeys> {
    section.allow_only(STATIC_KEYS, problems);
    refuse_exposed(section, context.exposure, problems);
    let reuse = match section.get("unsafe_reuse_pn") {
        Some(entry) => entry.boolean("false", problems),
        None => Some(false),
    };
    let reuse = reuse.map(|reuse| match reuse {
        true => PnReuse::Unsafe,
        false => PnReuse::Refused,
    });
    let tx = tx(section, port, problems);
    let rx = rx(section, port, problems);
    if let (Some(tx), Some(rx)) = (&tx, &rx) {
        refuse_shared(section, tx, rx, problems);
    }
    Some(StaticKeys {
        state_file: state_file(section, port, context, problems)?,
        reuse: reuse?,
        tx: tx?,
        rx: rx?,
    })
}

fn refuse_exposed(section: &Section<'_>, exposure: Exposure, problems: &mut Problems) {
    if let (Exposure::Others(mode), Some(entry)) = (exposure, section.get("mode")) {
        let what = format!("the keys stand in this file, and others may read it (mode {mode:04o})");
        let fix = "chmod 600 this file, or use mode = \"noise\", which needs no keys in it";
        entry.refuse(what, fix, problems);
    }
}

fn state_file(
    section: &Section<'_>,
    port: &Port<'_>,
    context: &Context<'_>,
    problems: &mut Problems,
) -> Option<std::path::PathBuf> {
    let Some(entry) = section.get("state_file") else {
        let beside = context.control_socket?.parent().unwrap_or(Path::new(""));
        return Some(beside.join(format!("{}.pn", port.name?)));
    };
    let path = context.folder.join(entry.text("\"trunk.pn\"", problems)?);
    if path.file_name().is_none() || path.is_dir() {
        let fix = "write a path such as \"/var/lib/linkveil/trunk.pn\"";
        entry.refuse("not the path of a file", fix, problems);
        return None;
    }
    Some(path)
}

fn tx(section: &Section<'_>, port: &Port<'_>, problems: &mut Problems) -> Option<TxKey> {
    let Some(entry) = section.get("tx") else {
        let fix = "give the key to seal with: tx = { an = 0, key = \"...\" }";
        section.missing("tx", fix, problems);
        return None;
    };
    let tx = entry.section(&format!("{} tx", section.label()), problems)?;
    tx.allow_only(TX_KEYS, problems);
    let port_id = number(&tx, "port_id", 1, 1..=u16::MAX.into(), problems);
    let key = terms(&tx, port, problems)?;
    let port_id = u16::try_from(port_id?).ok().map(PortId::new)?;
    Some(TxKey { port_id, key })
}

fn rx(section: &Section<'_>, port: &Port<'_>, problems: &mut Problems) -> Option<Vec<RxKey>> {
    let example = "rx = [{ sci = \"0200000000010001\", an = 0, key = \"...\" }]";
    let fix = format!("give the keys to open with: {example}");
    let Some(list) = section.get("rx") else {
        section.missing("rx", fix, problems);
        return None;
    };
    let label = format!("{} rx", section.label());
    let sections = list.sections(&label, problems);
    let mut taken = Unique::new();
    let keys = sections.iter().map(|section| {
        section.allow_only(RX_KEYS, problems);
        let sci = sci(section, problems);
        let key = terms(section, port, problems)?;
        let key = RxKey { sci: sci?, key };
        if let Some(entry) = section.get("sci") {
            let fix = "a channel has one key for each an";
            taken.claim((key.sci, key.key.an), &entry, fix, problems);
        }
        Some(key)
    });
    let keys: Vec<_> = keys.collect();
    let channels = linkveil_macsec::MAX_CHANNELS * An::COUNT;
    if keys.is_empty() || keys.len() > channels {
        let what = format!("there are 1 to {channels} keys to open with");
        list.refuse(what, fix, problems);
        return None;
    }
    keys.into_iter().collect()
}

fn sci(section: &Section<'_>, problems: &mut Problems) -> Option<Sci> {
    let Some(entry) = section.get("sci") else {
        let fix = "write the sender's MAC address and port id as 16 hex digits";
        section.missing("sci", fix, problems);
        return None;
    };
    let text = entry.text("\"0200000000010001\"", problems)?;
    let mut bytes = [0; Sci::LEN];
    let good = hex::decode_to_slice(text, &mut bytes).is_ok();
    let sci = Sci::from_bytes(bytes);
    if !good || sci == Sci::RESERVED {
        let fix =
            "write the sender's MAC address and port id as 16 hex digits, as `ip macsec show` does";
        entry.refuse("not a channel's name", fix, problems);
        return None;
    }
    Some(sci)
}

fn terms(section: &Section<'_>, port: &Port<'_>, problems: &mut Problems) -> Option<KeyTerms> {
    let an = number(section, "an", 0, 0..=3, problems);
    let key = key(section, port.suite, problems);
    let last = match port.suite {
        Some(suite) if suite.pn_width() == PnWidth::Bits32 => suite.last_pn().get(),
        _ => i64::MAX.unsigned_abs(),
    };
    let first = number(section, "pn", 1, 1..=last, problems);
    let extended = extended(section, port.suite, problems);
    Some(KeyTerms {
        an: u8::try_from(an?).ok().and_then(An::new)?,
        first_pn: PacketNumber::new(first?),
        key: StaticKey(key?),
        extended: extended?,
    })
}

fn number(
    section: &Section<'_>,
    key: &str,
    default: u64,
    range: std::ops::RangeInclusive<u64>,
    problems: &mut Problems,
) -> Option<u64> {
    let Some(entry) = section.get(key) else {
        return Some(default);
    };
    let number = u64::try_from(entry.integer(&default.to_string(), problems)?).ok();
    let number = number.filter(|number| range.contains(number));
    if number.is_none() {
        let fix = format!("write a number from {} to {}", range.start(), range.end());
        entry.refuse("the number is out of its range", fix, problems);
    }
    number
}

fn key(
    section: &Section<'_>,
    suite: Option<CipherSuite>,
    problems: &mut Problems,
) -> Option<AesKey> {
    let Some(entry) = section.get("key") else {
        section.missing(
            "key",
            "write the key in hex, as for `ip macsec add`",
            problems,
        );
        return None;
    };
    let length = suite?.key_len();
    let fix = format!(
        "write {} hex digits, for example from `openssl rand -hex {length}`",
        2 * length
    );
    let text = entry.text(&fix, problems)?;
    let bytes = hex::decode(text).ok().map(Zeroizing::new);
    let key = bytes.filter(|bytes| bytes.len() == length);
    let key = key.and_then(|bytes| AesKey::copy_from(&bytes));
    if key.is_none() {
        let what = format!("not a key of {} for {}", bits(length), suite?);
        entry.refuse(what, fix, problems);
    }
    key
}

fn bits(bytes: usize) -> String {
    format!("{} bits", 8 * bytes)
}

/// SSCI and salt, both or none, as the suite has it.
fn extended(
    section: &Section<'_>,
    suite: Option<CipherSuite>,
    problems: &mut Problems,
) -> Option<Option<(Ssci, Salt)>> {
    let suite = suite?;
    if suite.pn_width() == PnWidth::Bits32 {
        for entry in ["ssci", "salt"].iter().filter_map(|key| section.get(key)) {
            let fix = format!("remove it, or choose an XPN suite instead of {suite}");
            entry.refuse("only the XPN suites have it", fix, problems);
        }
        return Some(None);
    }
    let ssci: Option<[u8; 4]> = secret_hex(section, "ssci", problems);
    let salt: Option<[u8; Salt::LEN]> = secret_hex(section, "salt", problems);
    let ssci = Ssci::new(u32::from_be_bytes(ssci?));
    Some(Some((ssci, Salt::new(salt?))))
}

fn secret_hex<const LEN: usize>(
    section: &Section<'_>,
    key: &str,
    problems: &mut Problems,
) -> Option<[u8; LEN]> {
    let fix = format!("write {} hex digits, the same on both sides", 2 * LEN);
    let Some(entry) = section.get(key) else {
        section.missing(key, fix, problems);
        return None;
    };
    let mut bytes = [0; LEN];
    if hex::decode_to_slice(entry.text(&fix, problems)?, &mut bytes).is_err() {
        entry.refuse("not hex digits of this number", fix, problems);
        return None;
    }
    Some(bytes)
}

/// What both directions seal must never be sealed with one nonce under one key. With 32-bit numbers the SCI tells nonces
/// apart, which is known only when the port is; see the setup.
fn refuse_shared(section: &Section<'_>, tx: &TxKey, rx: &[RxKey], problems: &mut Problems) {
    let Some((ssci, _)) = &tx.key.extended else {
        return;
    };
    let shares = |rx: &&RxKey| {
        let same_ssci = rx
            .key
            .extended
            .as_ref()
            .is_some_and(|(other, _)| other == ssci);
        same_ssci && rx.key.key.0.is_same_as(&tx.key.key.0)
    };
    if let (Some(_), Some(entry)) = (rx.iter().find(shares), section.get("tx")) {
        let fix = "give each direction a key of its own, or at least an SSCI of its own";
        entry.refuse(
            "a key to open with is the same, and so is its SSCI",
            fix,
            problems,
        );
    }
}
