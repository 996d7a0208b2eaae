//! The life of one epoch: one table.
//!
//! ```text
//!               initiator                                   responder
//!        InstallingRx(Initiator)                      InstallingRx(Responder)
//!                  | RxInstalled: InstallTx                     | RxInstalled: SendResponse
//!                  v                                            v
//!         Switching(Initiator)                             Unconfirmed
//!                  | TxInstalled: Promote, SendConfirm          | Opened or Confirm: InstallTx, Promote
//!                  v                                            v
//!              Confirming                              Switching(Responder)
//!                  | Opened or ConfirmAck: Settle               | TxInstalled: SendConfirmAck, Settle
//!                  +-----------------> Current <----------------+
//!                                         | Displaced by own epoch: to Fading, until that one is settled
//!                                         | Displaced by the peer's epoch, or Replaced
//!                                         v
//!                                     Draining
//!                                         | DrainOver: RemoveRx
//!                                         v
//!                                      Retired
//! ```
//!
//! Where handshakes overlap, the peer sends under an Unconfirmed one while an own newer one is not settled: Displaced
//! sends it to Fading, without ever being sent under. An own InstallingRx that is older than what the peer sends under is
//! Replaced, and retired at once.
//!
//! GiveUp (nobody confirmed in time), HardDeadline and Deleted lead to Retired from everywhere. What is not in the
//! table changes nothing. `machine/tests.rs` prints every pair.

use linkveil_noise::Role;

/// Where an epoch stands. See the module's picture.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum State {
    /// The lanes are being told to open under it.
    InstallingRx(Role),
    /// Responder: the response is sent, nothing under the epoch has come back. Sends nothing.
    Unconfirmed,
    /// The lanes are being told to seal under it.
    Switching(Role),
    /// Initiator: sends under it, and repeats Confirm.
    Confirming,
    /// Confirmed; the one that is sent under.
    Current,
    /// Was current, or would be; its successor, ours, is not confirmed yet. Only receives.
    Fading,
    /// Was current; receives for the drain time.
    Draining,
    /// Wiped.
    Retired,
}

/// What can happen to an epoch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Input {
    /// All lanes open under it.
    RxInstalled,
    /// All lanes seal under it.
    TxInstalled,
    /// A lane opened a datagram under it.
    Opened,
    /// A Confirm came under it.
    Confirm,
    /// A ConfirmAck came under it.
    ConfirmAck,
    /// It is time to repeat Confirm.
    ConfirmTimer,
    /// It was not confirmed in time.
    GiveUp,
    /// An epoch that we began takes its place, or keeps it; the peer may not have switched yet.
    Displaced,
    /// An epoch takes its place under which the peer sends already, or its successor is settled.
    Replaced,
    /// The drain time is over.
    DrainOver,
    /// The lanes refuse to use it from now on.
    HardDeadline,
    /// The peer has wiped it.
    Deleted,
}

/// What is to be done about it, in this order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// Tell the lanes to seal under this epoch.
    InstallTx,
    /// Send message 2, which waited for the lanes.
    SendResponse,
    /// This epoch is the current one now; the former is displaced.
    Promote,
    /// Send a Confirm and set its timer.
    SendConfirm,
    /// Send a ConfirmAck.
    SendConfirmAck,
    /// Both sides send under this epoch: what it displaced may drain.
    Settle,
    /// Set the drain timer.
    StartDrain,
    /// Wipe the sending half on every lane.
    RemoveTx,
    /// Wipe the receiving half on every lane and bury the SPI.
    RemoveRx,
    /// Begin a handshake, unless the peer has a session or cannot be called.
    EnsureSession,
}

/// The table.
#[must_use]
pub const fn step(state: State, input: Input) -> (State, &'static [Action]) {
    use Action as A;
    use Input as I;
    use State as S;
    match (state, input) {
        (S::InstallingRx(Role::Initiator), I::RxInstalled) => {
            (S::Switching(Role::Initiator), &[A::InstallTx])
        }
        (S::Switching(Role::Initiator), I::TxInstalled) => {
            (S::Confirming, &[A::Promote, A::SendConfirm])
        }
        (S::Confirming, I::Opened | I::ConfirmAck) => (S::Current, &[A::Settle]),
        (S::Confirming, I::ConfirmTimer) => (S::Confirming, &[A::SendConfirm]),

        (S::InstallingRx(Role::Responder), I::RxInstalled) => (S::Unconfirmed, &[A::SendResponse]),
        (S::Unconfirmed, I::Opened | I::Confirm) => {
            (S::Switching(Role::Responder), &[A::InstallTx, A::Promote])
        }
        (S::Switching(Role::Responder), I::TxInstalled) => {
            (S::Current, &[A::SendConfirmAck, A::Settle])
        }
        (S::Current, I::Confirm) => (S::Current, &[A::SendConfirmAck]),

        (S::Current | S::Confirming | S::Switching(_) | S::Unconfirmed, I::Displaced) => {
            (S::Fading, &[])
        }
        (
            S::Current | S::Confirming | S::Switching(_) | S::Fading | S::Unconfirmed,
            I::Replaced,
        ) => (S::Draining, &[A::StartDrain]),
        (S::InstallingRx(Role::Initiator), I::Replaced) | (S::Draining, I::DrainOver) => {
            (S::Retired, &[A::RemoveRx])
        }

        (S::InstallingRx(_) | S::Unconfirmed, I::GiveUp | I::HardDeadline) => {
            (S::Retired, &[A::RemoveRx, A::EnsureSession])
        }
        (S::Switching(_) | S::Confirming, I::GiveUp) => {
            (S::Retired, &[A::RemoveTx, A::RemoveRx, A::EnsureSession])
        }
        (S::Switching(_) | S::Confirming | S::Current, I::HardDeadline | I::Deleted) => {
            (S::Retired, &[A::RemoveTx, A::RemoveRx, A::EnsureSession])
        }
        (S::Fading | S::Draining, I::HardDeadline | I::Deleted) => (S::Retired, &[A::RemoveRx]),
        (state, _) => (state, &[]),
    }
}

#[cfg(test)]
mod tests;
