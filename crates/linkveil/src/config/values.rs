//! What single values mean: each function turns one entry into a checked type or reports why not.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use linkveil_crypto::PublicKey;
use linkveil_wire::Vni;

use super::document::Entry;
use super::problem::Problems;
use super::{DeviceName, NetnsName, VpcMtu};

/// Longest name of a node, VPC or peer, in bytes: the node's name becomes a file name.
const NAME_MAX_BYTES: usize = 64;

/// Linux keeps 16 bytes for an interface name, the last one for the final zero (IFNAMSIZ).
const DEVICE_NAME_MAX_BYTES: usize = 15;

/// Linux removes the IPv6 addresses of a device whose MTU is below this (RFC 8200 section 5).
pub(crate) const DEVICE_MTU_MIN: u16 = 1280;

/// Largest inner packet: an IPv4 packet of 65,535 bytes less the tunnel's overhead over IPv6.
pub(crate) const DEVICE_MTU_MAX: u16 = u16::MAX - 96;

const REKEY_AFTER_MIN: Duration = Duration::from_secs(60);
const REKEY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// A name that people give: letters, digits, `.`, `_` and `-`.
pub(super) fn name(entry: &Entry<'_>, problems: &mut Problems) -> Option<String> {
    let text = entry.text("\"gw-a\"", problems)?;
    let wrong = if text.is_empty() {
        "a name cannot be empty"
    } else if text.len() > NAME_MAX_BYTES {
        "a name has at most 64 bytes"
    } else if text.starts_with('.') || !text.chars().all(is_name_character) {
        "a name has letters, digits, '.', '_' and '-' only and does not start with '.'"
    } else {
        return Some(text.to_owned());
    };
    entry.refuse(
        wrong,
        "choose a short plain name such as \"blue-1\"",
        problems,
    );
    None
}

/// What a name is made of: it becomes part of file names and of lines of output.
pub(super) fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// A duration such as `"2h"`, `"90s"` or `"1h 30m"`, between one minute and one day.
pub(super) fn rekey_after(entry: &Entry<'_>, problems: &mut Problems) -> Option<Duration> {
    let text = entry.text("\"2h\"", problems)?;
    let Ok(duration) = humantime::parse_duration(text) else {
        entry.refuse(
            "not a duration",
            "write a number with its unit, for example \"90s\", \"30m\" or \"2h\"",
            problems,
        );
        return None;
    };
    if (REKEY_AFTER_MIN..=REKEY_AFTER_MAX).contains(&duration) {
        return Some(duration);
    }
    let what = if duration < REKEY_AFTER_MIN {
        "too short"
    } else {
        "too long: keys would live for days"
    };
    entry.refuse(what, "write a duration from \"1m\" to \"24h\"", problems);
    None
}

/// An address to bind: a port is needed, `0.0.0.0` and `[::]` are fine.
pub(super) fn listen_address(entry: &Entry<'_>, problems: &mut Problems) -> Option<SocketAddr> {
    let address = socket_address(entry, "192.0.2.1:51840", problems)?;
    if address.ip().is_multicast() {
        entry.refuse(
            "a multicast address cannot be bound",
            "write an address of this host",
            problems,
        );
        return None;
    }
    Some(address)
}

/// An address to send to: nothing but a host's own address and a port.
pub(super) fn endpoint(entry: &Entry<'_>, problems: &mut Problems) -> Option<SocketAddr> {
    let address = socket_address(entry, "192.0.2.2:51840", problems)?;
    let ip = address.ip();
    if ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::from([255, 255, 255, 255]) {
        entry.refuse(
            "not the address of one host",
            "write the peer's own address, for example \"192.0.2.2:51840\"",
            problems,
        );
        return None;
    }
    Some(address)
}

fn socket_address(entry: &Entry<'_>, example: &str, problems: &mut Problems) -> Option<SocketAddr> {
    let text = entry.text(&format!("\"{example}\""), problems)?;
    let Ok(address) = text.parse::<SocketAddr>() else {
        let (what, fix) = explain_socket_address(text, example);
        entry.refuse(what, fix, problems);
        return None;
    };
    if address.port() == 0 {
        entry.refuse(
            "port 0 is no port that a peer could know",
            format!("write a port from 1 to 65535, for example \"{example}\""),
            problems,
        );
        return None;
    }
    Some(address)
}

fn explain_socket_address(text: &str, example: &str) -> (&'static str, String) {
    match text.parse::<IpAddr>() {
        Ok(ip) => (
            "the port is missing",
            format!("write \"{}\"", SocketAddr::new(ip, 51840)),
        ),
        Err(_)
            if text.contains(|c: char| c.is_ascii_alphabetic())
                && text.matches(':').count() < 2 =>
        {
            (
                "host names are not looked up",
                format!("write an IP address and a port, for example \"{example}\""),
            )
        }
        Err(_) => (
            "not an IP address and port",
            format!("write an address like \"{example}\" or \"[2001:db8::1]:51840\""),
        ),
    }
}

/// A 24-bit network identifier; 0 stays unused.
pub(super) fn vni(entry: &Entry<'_>, problems: &mut Problems) -> Option<Vni> {
    let number = entry.integer("5001", problems)?;
    let vni = u32::try_from(number)
        .ok()
        .filter(|number| *number != 0)
        .and_then(Vni::new);
    if vni.is_none() {
        entry.refuse(
            "a VNI has 24 bits and is not 0",
            "write a number from 1 to 16777215",
            problems,
        );
    }
    vni
}

/// A name that Linux accepts for a network device.
pub(super) fn device(entry: &Entry<'_>, problems: &mut Problems) -> Option<DeviceName> {
    let text = entry.text("\"lv-blue\"", problems)?;
    let bad_character =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | ':' | '%');
    let wrong = if text.is_empty() || text == "." || text == ".." {
        "not a device name"
    } else if text.len() > DEVICE_NAME_MAX_BYTES {
        "Linux allows at most 15 bytes in a device name"
    } else if text.contains(bad_character) {
        "a device name has no spaces and none of '/', ':' and '%'"
    } else {
        return Some(DeviceName::new(text));
    };
    entry.refuse(wrong, "choose a short name such as \"lv-blue\"", problems);
    None
}

/// A network namespace: a name under /run/netns or a path.
pub(super) fn netns(entry: &Entry<'_>, problems: &mut Problems) -> Option<NetnsName> {
    let text = entry.text("\"vpc-a\"", problems)?;
    let is_path = text.starts_with('/');
    let bad = text.is_empty() || text == "." || text == ".." || text.contains('\0');
    if bad || (!is_path && text.contains('/')) {
        let fix = "write a name that `ip netns list` shows, or an absolute path such as \"/run/netns/vpc-a\"";
        entry.refuse(
            "neither a namespace's name nor an absolute path",
            fix,
            problems,
        );
        return None;
    }
    Some(NetnsName::new(text))
}

/// `"auto"` or a number of bytes.
pub(super) fn mtu(entry: &Entry<'_>, problems: &mut Problems) -> Option<VpcMtu> {
    let fix = format!("write \"auto\" or a number from {DEVICE_MTU_MIN} to {DEVICE_MTU_MAX}");
    if let Some(text) = entry.as_text() {
        if text == "auto" {
            return Some(VpcMtu::Auto);
        }
        entry.refuse("not an MTU", fix, problems);
        return None;
    }
    let number = entry.integer("1424", problems)?;
    match u16::try_from(number) {
        Ok(bytes) if (DEVICE_MTU_MIN..=DEVICE_MTU_MAX).contains(&bytes) => {
            Some(VpcMtu::Bytes(bytes))
        }
        _ if number < DEVICE_MTU_MIN.into() => {
            entry.refuse(
                "below 1280 Linux takes IPv6 away from the device",
                fix,
                problems,
            );
            None
        }
        _ => {
            entry.refuse("no tunnel path carries that much", fix, problems);
            None
        }
    }
}

/// An address of this gateway inside a VPC, with the length of its network: `10.1.0.1/24`.
pub(super) fn inner_address(entry: &Entry<'_>, problems: &mut Problems) -> Option<IpNet> {
    let net = ip_net(entry, "10.1.0.1/24", problems)?;
    let ip = net.addr();
    let longest = net.max_prefix_len();
    let ends_matter = net.prefix_len() + 1 < longest;
    let (what, fix) = if ip.is_unspecified() || ip.is_multicast() || ip.is_loopback() {
        (
            "not an address of one host",
            "write an address and its network's length, for example \"10.1.0.1/24\"".to_owned(),
        )
    } else if ends_matter && ip == net.network() {
        (
            "this is the network, not a host in it",
            format!("write \"{}\"", first_host(net)),
        )
    } else if ends_matter && ip.is_ipv4() && ip == net.broadcast() {
        (
            "this is the network's broadcast address",
            format!("write \"{}\"", first_host(net)),
        )
    } else {
        return Some(net);
    };
    entry.refuse(what, fix, problems);
    None
}

fn first_host(net: IpNet) -> String {
    match net.hosts().find(|host| *host != net.network()) {
        Some(host) => format!("{host}/{}", net.prefix_len()),
        None => net.to_string(),
    }
}

/// A network that is routed to a peer; its host bits are zero.
pub(super) fn prefix(entry: &Entry<'_>, problems: &mut Problems) -> Option<IpNet> {
    let net = ip_net(entry, "10.2.0.0/24", problems)?;
    if net.trunc() != net {
        let longest = net.max_prefix_len();
        let fix = format!(
            "write \"{}\", or \"{}/{longest}\" for this one host",
            net.trunc(),
            net.addr()
        );
        entry.refuse("bits are set behind the prefix length", fix, problems);
        return None;
    }
    if net.addr().is_multicast() {
        entry.refuse("multicast is not routed to a peer", "remove it", problems);
        return None;
    }
    Some(net)
}

fn ip_net(entry: &Entry<'_>, example: &str, problems: &mut Problems) -> Option<IpNet> {
    let text = entry.text(&format!("\"{example}\""), problems)?;
    if let Ok(net) = text.parse::<IpNet>() {
        return Some(net);
    }
    match text.parse::<IpAddr>() {
        Ok(ip) => {
            let fix = format!(
                "write \"{}\" for this one host, or the length of its network",
                IpNet::from(ip)
            );
            entry.refuse("the prefix length is missing", fix, problems);
        }
        Err(_) => {
            let fix = format!("write it like \"{example}\" or \"2001:db8:1::/48\"");
            entry.refuse("not an address with a prefix length", fix, problems);
        }
    }
    None
}

/// A peer's public key in base64.
pub(super) fn public_key(entry: &Entry<'_>, problems: &mut Problems) -> Option<PublicKey> {
    let text = entry.text(
        "the line that `linkveil pubkey` prints, in quotes",
        problems,
    )?;
    match text.parse::<PublicKey>() {
        Ok(key) => Some(key),
        Err(_) => {
            let fix = "write the 44 characters that `linkveil pubkey` printed on the peer";
            entry.refuse("not a public key: 32 bytes in base64", fix, problems);
            None
        }
    }
}
