//! Tokens that are not where signatures are.

use super::{Algorithm, Macs, Tags, matching_key, other, sha256};

impl Macs {
    /// Which key a token is, in constant time over all keys; none for other algorithms.
    pub(crate) fn key_of_token(&self, token: &[u8]) -> Option<usize> {
        let Self::Other(other::State::Token(_, keys)) = self else {
            return None;
        };
        let (mut known, mut offered) = (Tags::new(Algorithm::Token), Tags::new(Algorithm::Token));
        for key in keys {
            known.made(&***key);
        }
        offered.made(&sha256(token));
        matching_key(&known, &offered)
    }
}
