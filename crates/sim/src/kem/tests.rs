use super::*;
use crate::random::Seed;

#[test]
fn both_ends_get_one_secret_and_other_messages_give_another() {
    for choice in [KemChoice::Plain, KemChoice::MlKem768] {
        let kem = choice.build();
        let mut random = Seed::new(1).stream(0);
        let (secret, key) = kem.generate(&mut random).unwrap();
        let (first, ours) = kem.encapsulate(&key, &mut random).unwrap();
        let (second, others) = kem.encapsulate(&key, &mut random).unwrap();
        let theirs = secret.decapsulate(&first).unwrap();
        assert_eq!(ours.expose(), theirs.expose(), "{choice:?}");
        assert_ne!(first, second, "{choice:?}");
        assert_ne!(ours.expose(), others.expose(), "{choice:?}");
    }
}
