//! Nebula: two hosts that know each other's place, without a lighthouse.

use super::{Context, Side, Tunnel, tools};
use crate::net::error::NetError;

/// IPv4, UDP, Nebula's header and tag; rounded up to what its documentation leaves for it.
const OVERHEAD: u32 = 60;
const PORT: u16 = 4_242;
const DEVICE: &str = "nebula0";
const ADDRESSES: [(Side, &str); 2] = [(Side::A, "10.99.0.1"), (Side::B, "10.99.0.2")];

pub(super) fn start<'a>(context: &Context<'a>) -> Result<Tunnel<'a>, NetError> {
    certify(context)?;
    let mut daemons = Vec::new();
    let [a, b] = ADDRESSES;
    for (own, other) in [(a, b), (b, a)] {
        let (side, name) = (own.0, format!("nebula-{}.yml", own.0.letter()));
        let file = context.write(&name, &configuration(context, side, other))?;
        let file = file.display().to_string();
        daemons.push(
            context
                .hosts
                .start(side, "nebula", "nebula", &["-config", &file])?,
        );
    }
    Ok(Tunnel::of_daemons(context, DEVICE, daemons).to(&b.1))
}

/// One authority and two certificates, once.
fn certify(context: &Context<'_>) -> Result<(), NetError> {
    let path = |name: &str| context.path(name);
    let (ca, ca_key) = (path("nebula-ca.crt"), path("nebula-ca.key"));
    if std::path::Path::new(&ca).exists() {
        return Ok(());
    }
    tools::output(
        "nebula-cert",
        &["ca", "-name", "bench", "-out-crt", &ca, "-out-key", &ca_key],
    )?;
    for (side, address) in ADDRESSES {
        let letter = side.letter();
        let (crt, key) = (
            path(&format!("nebula-{letter}.crt")),
            path(&format!("nebula-{letter}.key")),
        );
        let (name, address) = (letter.to_string(), format!("{address}/24"));
        tools::output(
            "nebula-cert",
            &[
                "sign", "-name", &name, "-ip", &address, "-ca-crt", &ca, "-ca-key", &ca_key,
                "-out-crt", &crt, "-out-key", &key,
            ],
        )?;
    }
    Ok(())
}

fn configuration(context: &Context<'_>, side: Side, other: (Side, &str)) -> String {
    let (letter, mtu) = (side.letter(), context.mtu_after(OVERHEAD));
    let (ca, crt, key) = (
        context.path("nebula-ca.crt"),
        context.path(&format!("nebula-{letter}.crt")),
        context.path(&format!("nebula-{letter}.key")),
    );
    format!(
        r#"pki:
  ca: {ca}
  cert: {crt}
  key: {key}
static_host_map:
  "{there}": ["{place}:{PORT}"]
lighthouse:
  am_lighthouse: false
listen:
  host: {listen}
  port: {PORT}
cipher: aes
tun:
  dev: {DEVICE}
  mtu: {mtu}
firewall:
  outbound:
    - {{port: any, proto: any, host: any}}
  inbound:
    - {{port: any, proto: any, host: any}}
"#,
        there = other.1,
        place = other.0.underlay(),
        listen = side.underlay(),
    )
}
