//! linkveil: this very binary, as users run it.

use linkveil_crypto::{StaticSecret, SystemRandom};

use super::{Context, Peer, Side, Tunnel};
use crate::net::error::NetError;

const DEVICE: &str = "lv0";
const PORT: u16 = 51_840;

/// Two gateways in the form that `peer` names.
pub(super) fn start<'a>(context: &Context<'a>, peer: Peer) -> Result<Tunnel<'a>, NetError> {
    let binary = std::env::current_exe();
    let binary = binary.map_err(|error| NetError::system("cannot find this binary", error))?;
    let secrets = Side::ALL.map(|_| StaticSecret::generate(&mut SystemRandom));
    let [a, b] = &secrets;
    let lines = node_lines(&context.options.node, peer.settings());
    let mut daemons = Vec::new();
    for (side, own, other) in [(Side::A, a, b), (Side::B, b, a)] {
        context.write(&key_file(side), &own.to_base64())?;
        let config = configuration(context, side, &other.public().to_string(), &lines);
        let file = context.write(&format!("linkveil-{}.toml", side.letter()), &config)?;
        let (binary, file) = (binary.display().to_string(), file.display().to_string());
        daemons.push(
            context
                .hosts
                .start(side, peer.name(), &binary, &["up", &file])?,
        );
    }
    Ok(Tunnel::of_daemons(context, DEVICE, daemons))
}

pub(super) fn key_file(side: Side) -> String {
    format!("linkveil-{}.key", side.letter())
}

/// What the user asked for in `[node]`, and what this form sets: of two lines with one key its own.
pub(super) fn node_lines(asked: &[String], settings: &[(&str, &str)]) -> String {
    let key_of = |line: &str| line.split('=').next().map(|key| key.trim().to_owned());
    let kept = asked.iter().filter(|line| {
        let key = key_of(line);
        settings.iter().all(|(own, _)| key.as_deref() != Some(*own))
    });
    let own = settings
        .iter()
        .map(|(key, value)| format!("{key} = {value}"));
    let lines: Vec<String> = kept.cloned().chain(own).collect();
    lines.join("\n")
}

fn configuration(context: &Context<'_>, side: Side, peers_key: &str, lines: &str) -> String {
    let (own, other) = (side.letter(), side.other().letter());
    let (listen, endpoint) = (side.underlay(), side.other().underlay());
    let socket = context.path(&format!("linkveil-{own}.sock"));
    format!(
        r#"[node]
name = "gw-{own}"
private_key_file = "{key_file}"
listen = "{listen}:{PORT}"
control_socket = "{socket}"
{lines}

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
        suite = context.options.suite,
        address = side.inner(),
        prefix = side.other().inner_prefix(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forms_own_lines_go_before_what_was_asked_for() {
        let asked = ["lanes=2".to_owned(), "offload = \"off\"".to_owned()];
        assert_eq!(
            node_lines(&asked, Peer::LinkveilPoll.settings()),
            "offload = \"off\"\nlanes = 1\nbusy_poll = \"50us\""
        );
        assert_eq!(
            node_lines(&asked, Peer::Linkveil.settings()),
            "lanes=2\noffload = \"off\""
        );
        assert_eq!(node_lines(&[], Peer::Linkveil.settings()), "");
    }
}
