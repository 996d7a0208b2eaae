//! OpenVPN between two ends that know each other's certificate, without its kernel module.

use super::{Context, Side, Tunnel, tools};
use crate::net::error::NetError;

/// IPv4, UDP, opcode and peer, packet number, tag: 52 bytes; rounded up as for Nebula.
const OVERHEAD: u32 = 60;
const DEVICE: &str = "openvpn0";

/// 2.6 is the first that can be told to leave the kernel module alone.
pub(super) fn version() -> Result<String, String> {
    let text = tools::version("openvpn", &["--version"]);
    // OpenVPN 2.6.14 x86_64-pc-linux-gnu
    let version = text.split_whitespace().nth(1).unwrap_or_default();
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    let pair: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if pair < (2, 6) {
        return Err(format!("this is {text}"));
    }
    Ok(format!("OpenVPN {version} without DCO"))
}

pub(super) fn start<'a>(context: &Context<'a>) -> Result<Tunnel<'a>, NetError> {
    let [a, b] = [certify(context, Side::A)?, certify(context, Side::B)?];
    let mut daemons = Vec::new();
    for (side, role, fingerprint) in [
        (Side::A, "--tls-client", b),
        (Side::B, "--tls-server --dh none", a),
    ] {
        let letter = side.letter();
        let arguments = format!(
            "--dev {DEVICE} --dev-type tun --proto udp --local {local} --lport 1194 --remote {remote} 1194 \
             --ifconfig {own} {there} {role} --cert openvpn-{letter}.crt --key openvpn-{letter}.key \
             --peer-fingerprint {fingerprint} --data-ciphers AES-256-GCM --cipher AES-256-GCM --disable-dco \
             --tun-mtu {mtu} --verb 1",
            local = side.underlay(),
            remote = side.other().underlay(),
            own = side.inner(),
            there = side.other().inner(),
            mtu = context.mtu_after(OVERHEAD),
        );
        let arguments: Vec<&str> = arguments.split(' ').collect();
        daemons.push(
            context
                .hosts
                .start(side, "openvpn", "openvpn", &arguments)?,
        );
    }
    Ok(Tunnel::of_daemons(context, DEVICE, daemons))
}

/// A key and a certificate that it signed itself, once; the certificate's fingerprint.
fn certify(context: &Context<'_>, side: Side) -> Result<String, NetError> {
    let letter = side.letter();
    let (crt, key) = (
        context.path(&format!("openvpn-{letter}.crt")),
        context.path(&format!("openvpn-{letter}.key")),
    );
    if !std::path::Path::new(&crt).exists() {
        let subject = format!("/CN={letter}");
        tools::output(
            "openssl",
            &[
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-noenc",
                "-sha256",
                "-days",
                "2",
                "-subj",
                &subject,
                "-keyout",
                &key,
                "-out",
                &crt,
            ],
        )?;
    }
    let printed = tools::output(
        "openssl",
        &["x509", "-fingerprint", "-sha256", "-noout", "-in", &crt],
    )?;
    fingerprint(&printed).ok_or_else(|| NetError::Unreadable {
        program: "openssl",
        reason: format!("no fingerprint in {printed:?}"),
    })
}

/// `sha256 Fingerprint=AB:CD:...`
fn fingerprint(printed: &str) -> Option<String> {
    let (_, hex) = printed.trim().split_once('=')?;
    Some(hex.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_what_follows_the_equals_sign() {
        assert_eq!(
            fingerprint("sha256 Fingerprint=AB:01:FF\n"),
            Some("AB:01:FF".to_owned())
        );
        assert_eq!(fingerprint("unable to load certificate"), None);
    }
}
