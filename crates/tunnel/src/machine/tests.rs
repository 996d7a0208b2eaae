//! The whole table in one picture, and what holds for every row of it.

use super::*;

const STATES: [State; 10] = [
    State::InstallingRx(Role::Initiator),
    State::InstallingRx(Role::Responder),
    State::Unconfirmed,
    State::Switching(Role::Initiator),
    State::Switching(Role::Responder),
    State::Confirming,
    State::Current,
    State::Fading,
    State::Draining,
    State::Retired,
];

const INPUTS: [Input; 12] = [
    Input::RxInstalled,
    Input::TxInstalled,
    Input::Opened,
    Input::Confirm,
    Input::ConfirmAck,
    Input::ConfirmTimer,
    Input::GiveUp,
    Input::Displaced,
    Input::Replaced,
    Input::DrainOver,
    Input::HardDeadline,
    Input::Deleted,
];

fn pairs() -> impl Iterator<Item = (State, Input)> {
    STATES
        .into_iter()
        .flat_map(|state| INPUTS.map(|input| (state, input)))
}

/// Whether the lanes were given keys to seal with in this state.
const fn may_have_tx(state: State) -> bool {
    matches!(
        state,
        State::Switching(_) | State::Confirming | State::Current
    )
}

// REQ-EPOCH-1, REQ-EPOCH-2, REQ-EPOCH-3, REQ-EPOCH-4, REQ-EPOCH-5, REQ-EPOCH-6, REQ-EPOCH-9
#[test]
fn every_pair_of_state_and_input() {
    let rows: Vec<String> = pairs()
        .map(|(state, input)| {
            let (next, actions) = step(state, input);
            let (state, input) = (format!("{state:?}"), format!("{input:?}"));
            if format!("{next:?}") == state && actions.is_empty() {
                format!("{state:<23} {input:<13} -")
            } else {
                format!("{state:<23} {input:<13} {next:?} {actions:?}")
            }
        })
        .collect();
    insta::assert_snapshot!(rows.join("\n"));
}

// REQ-EPOCH-9: an epoch takes its receiving half with it when it ends, once, and its sending half if it may have one.
#[test]
fn retiring_wipes_whatever_the_lanes_have() {
    for (state, input) in pairs() {
        let (next, actions) = step(state, input);
        let retires = next == State::Retired && state != State::Retired;
        assert_eq!(
            actions.contains(&Action::RemoveRx),
            retires,
            "{state:?} {input:?}"
        );
        let wipes_tx = retires && may_have_tx(state);
        assert_eq!(
            actions.contains(&Action::RemoveTx),
            wipes_tx,
            "{state:?} {input:?}"
        );
    }
}

#[test]
fn nothing_wakes_a_retired_epoch() {
    for input in INPUTS {
        assert_eq!(step(State::Retired, input), (State::Retired, &[][..]));
    }
}

// REQ-LIM-1, REQ-LIM-2
#[test]
fn the_hard_deadline_ends_every_state() {
    for state in STATES {
        assert_eq!(step(state, Input::HardDeadline).0, State::Retired);
    }
}

// REQ-EPOCH-4: keys to seal with come from an acknowledged RX (initiator) or from an opened datagram (responder) only.
#[test]
fn nobody_seals_before_the_proof() {
    for (state, input) in pairs() {
        if step(state, input).1.contains(&Action::InstallTx) {
            let initiator = (State::InstallingRx(Role::Initiator), Input::RxInstalled);
            let responder =
                state == State::Unconfirmed && matches!(input, Input::Opened | Input::Confirm);
            assert!(
                (state, input) == initiator || responder,
                "{state:?} {input:?}"
            );
        }
    }
}
