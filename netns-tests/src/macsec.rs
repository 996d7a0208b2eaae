//! A MACsec link between us and the kernel of a [`KernelVm`](crate::vm::KernelVm), with static keys.
//!
//! ```text
//!     namespace "site"              namespace "host"                       virtual machine
//!   +-------------------+     +------------------------+            +--------------------------+
//!   | 10.3.0.1  trunk  ===== Side ===== port (a TAP)  ===== wire ===== eth0 === macsec0  10.3.0.2 |
//!   +-------------------+     +------------------------+            +--------------------------+
//! ```
//!
//! | module     | what it holds                                                                        |
//! |------------|--------------------------------------------------------------------------------------|
//! | [`plan`]   | a link as a value: suite, options, keys, and what to tell the kernel                  |
//! | [`config`] | the same for a gateway                                                               |
//! | [`side`]   | who plays our side: what a test asks of it                                           |
//! | [`product`] | our side as users have it: `linkveil up`                                            |
//! | [`own`]    | our side made of crate `macsec`, a TAP device and AF_PACKET                          |
//! | [`kernel`] | the machine's side: setting it up, reading its counters                              |
//! | [`forge`]  | frames by hand, for what no side sends                                               |
//! | [`judges`] | the kernel and crate `macsec`, shown the same frames                                 |
//! | [`table`]  | the results as a file                                                                |

pub mod config;
pub mod forge;
pub mod judges;
pub mod kernel;
pub mod own;
pub mod plan;
pub mod product;
pub mod side;
pub mod table;
