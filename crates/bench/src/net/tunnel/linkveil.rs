//! linkveil: this very binary, as users run it.

use linkveil_crypto::{StaticSecret, SystemRandom};

use super::{Context, Side, Tunnel};
use crate::net::error::NetError;

const DEVICE: &str = "lv0";
const PORT: u16 = 51_840;

pub(super) fn start<'a>(context: &Context<'a>) -> Result<Tunnel<'a>, NetError> {
    let binary = std::env::current_exe();
    let binary = binary.map_err(|error| NetError::system("cannot find this binary", error))?;
    let secrets = Side::ALL.map(|_| StaticSecret::generate(&mut SystemRandom));
    let [a, b] = &secrets;
    let mut daemons = Vec::new();
    for (side, own, other) in [(Side::A, a, b), (Side::B, b, a)] {
        context.write(&key_file(side), &own.to_base64())?;
        let config = configuration(context, side, &other.public().to_string());
        let file = context.write(&format!("linkveil-{}.toml", side.letter()), &config)?;
        let (binary, file) = (binary.display().to_string(), file.display().to_string());
        daemons.push(
            context
                .hosts
                .start(side, "linkveil", &binary, &["up", &file])?,
        );
    }
    Ok(Tunnel::of_daemons(context, DEVICE, daemons))
}

fn key_file(side: Side) -> String {
    format!("linkveil-{}.key", side.letter())
}

fn configuration(context: &Context<'_>, side: Side, peers_key: &str) -> String {
    let (own, other) = (side.letter(), side.other().letter());
    let (listen, endpoint) = (side.underlay(), side.other().underlay());
    let socket = context.path(&format!("linkveil-{own}.sock"));
    format!(
        r#"[node]
name = "gw-{own}"
private_key_file = "{key_file}"
listen = "{listen}:{PORT}"
control_socket = "{socket}"
{node}

[crypto]
suite = "{suite}"

[[vpc]]
name = "bench"
vni = 5001
device = "{DEVICE}"
addresses = ["{address}/24"]

[[peer]]
name = "gw-{other}"
public_key = "{peers_key}"
endpoint = "{endpoint}:{PORT}"
[[peer.vpc]]
name = "bench"
prefixes = ["{prefix}"]
"#,
        key_file = key_file(side),
        node = context.options.node.join("\n"),
        suite = context.options.suite,
        address = side.inner(),
        prefix = side.other().inner_prefix(),
    )
}
