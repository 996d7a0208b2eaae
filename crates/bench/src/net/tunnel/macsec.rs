//! linkveil on a protected Ethernet port: this very binary, with a second cable between the hosts that belongs to it.

use linkveil_crypto::{StaticSecret, SystemRandom};

use super::linkveil::{key_file, node_lines};
use super::{Context, Peer, Side, Tunnel};
use crate::net::error::NetError;

/// The cable, on both hosts.
const PORT: &str = "trunk0";
const DEVICE: &str = "lv-trunk";

pub(super) fn start<'a>(context: &Context<'a>) -> Result<Tunnel<'a>, NetError> {
    let binary = std::env::current_exe();
    let binary = binary.map_err(|error| NetError::system("cannot find this binary", error))?;
    // It deletes the cable when something below fails.
    let mut tunnel = Tunnel::of_kernel(context, PORT);
    plug_in(context)?;
    let secrets = Side::ALL.map(|_| StaticSecret::generate(&mut SystemRandom));
    let [a, b] = &secrets;
    let lines = node_lines(&context.options.node, Peer::LinkveilMacsec.settings());
    for (side, own, other) in [(Side::A, a, b), (Side::B, b, a)] {
        context.write(&key_file(side), &own.to_base64())?;
        let config = configuration(context, side, &other.public().to_string(), &lines);
        let file = context.write(&format!("macsec-{}.toml", side.letter()), &config)?;
        let (binary, file) = (binary.display().to_string(), file.display().to_string());
        let name = Peer::LinkveilMacsec.name();
        let hosts = context.hosts;
        tunnel
            .daemons
            .push(hosts.start(side, name, &binary, &["up", &file])?);
    }
    DEVICE.clone_into(&mut tunnel.device);
    Ok(tunnel)
}

fn plug_in(context: &Context<'_>) -> Result<(), NetError> {
    let (hosts, there) = (context.hosts, context.hosts.name(Side::B));
    let mtu = context.options.mtu;
    let add =
        format!("link add {PORT} mtu {mtu} type veth peer name {PORT} mtu {mtu} netns {there}");
    hosts.ip(Side::A, &add)?;
    Ok(())
}

fn configuration(context: &Context<'_>, side: Side, peers_key: &str, lines: &str) -> String {
    let own = side.letter();
    let socket = context.path(&format!("macsec-{own}.sock"));
    format!(
        r#"[node]
name = "gw-{own}"
private_key_file = "{key_file}"
control_socket = "{socket}"
{lines}

[[macsec]]
name = "bench"
port = "{PORT}"
device = "{DEVICE}"
addresses = ["{address}/16"]

[macsec.keys]
mode = "noise"
peer_public_key = "{peers_key}"
"#,
        key_file = key_file(side),
        address = side.inner(),
    )
}
