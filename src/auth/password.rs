//! How a client's password is kept: as a SHA-256 digest when a program made it, as an argon2id hash when a person chose it.
//!
//! A generated password has 128 random bits or more, so one SHA-256 is enough and costs nothing per login; a chosen one can be
//! guessed, so each guess must be dear. Source: contract, section 2.

use std::fmt;
use std::sync::Arc;

use argon2::password_hash::phc::{Output, ParamsString, Salt};
use argon2::{ARGON2ID_IDENT, Argon2, Block, Params, PasswordHasher, Version};
use subtle::ConstantTimeEq;

use crate::secret::Secret;

/// A password as it is kept. Its `Debug` shows neither digest nor salt.
#[derive(Clone, Debug)]
pub enum PasswordHash {
    /// `sha256:` and 64 hex digits.
    Sha256(Sha256Hash),
    /// A PHC string that begins with `$argon2id$`.
    Argon2id(Argon2idHash),
}

/// The SHA-256 digest of a password.
#[derive(Clone, Copy)]
pub struct Sha256Hash([u8; 32]);

/// An argon2id hash within our limits.
#[derive(Clone)]
pub struct Argon2idHash {
    phc: Arc<argon2::PasswordHash>,
    cost: Cost,
}

/// Memory to hash in, used again and again.
///
/// A hash takes megabytes, and glibc's allocator does not give back what threads allocate and free in turn: measured on 2026-11-23, 90
/// logins left 190 MB behind where two rooms take 14.
#[derive(Default)]
pub struct HashingRoom(Vec<Block>);

impl HashingRoom {
    fn of(&mut self, blocks: usize) -> &mut [Block] {
        if self.0.len() < blocks {
            self.0.resize(blocks, Block::default());
        }
        &mut self.0[..blocks]
    }
}

impl fmt::Debug for HashingRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashingRoom({} KiB)", self.0.len())
    }
}

/// What an argon2id hash costs: two hashes of equal cost take equally long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    output_bytes: usize,
}

/// Why a text is not the hash of a password or static token that may be used. The operator is to blame, save for [`HashFault::NoResources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashFault {
    /// Neither form.
    #[error(
        "is neither \"sha256:\" and 64 hex digits nor an \"$argon2id$\" line; `bearergate hash-password` makes one"
    )]
    UnknownForm,
    /// Not 64 hex digits after `sha256:`.
    #[error("needs exactly 64 hex digits after \"sha256:\"")]
    NotHex,
    /// The digest or hash of an empty password.
    #[error("is the hash of an empty password; choose one of 12 characters or more")]
    EmptyPassword,
    /// No digest, where a static token must be one.
    #[error("is not \"sha256:\" and 64 hex digits; `bearergate new-client NAME --static` makes a token and its digest")]
    NotDigest,
    /// The digest of a token that anybody can guess.
    #[error(
        "is the digest of an empty text, of `null` or `undefined`, or of a token in documentation, which anybody can send; \
         `bearergate new-client NAME --static` makes a good one"
    )]
    GuessableToken,
    /// A shell or compose file took the `$` signs for variables, or doubled them.
    #[error(
        "looks like an argon2id hash whose $ signs were eaten or doubled by a shell or compose file; write it in single \
         quotes, in compose with $$ for each $, or use the _FILE variable"
    )]
    DollarsEaten,
    /// argon2i, argon2d, or a version before 19.
    #[error("is of another argon2 variant or version than argon2id v=19; `bearergate hash-password` makes one")]
    NotArgon2id,
    /// Begins like an argon2id hash and is none.
    #[error("begins like an argon2id hash but is cut off or damaged; copy the whole line again")]
    Damaged,
    /// More than 64 MiB.
    #[error(
        "needs {memory_kib} KiB of memory for each login, allowed are 65536; `bearergate hash-password` makes one of 7 MiB"
    )]
    Memory {
        /// The `m` of the hash, in KiB.
        memory_kib: u32,
    },
    /// More than 10 passes.
    #[error("needs {passes} passes for each login, allowed are 10; `bearergate hash-password` makes one of 5")]
    Passes {
        /// The `t` of the hash.
        passes: u32,
    },
    /// More than 4 lanes.
    #[error("has parallelism {lanes}, allowed are 4; `bearergate hash-password` makes one of 1")]
    Lanes {
        /// The `p` of the hash.
        lanes: u32,
    },
    /// The system gave no random bytes, or no memory to hash in.
    #[error("could not be made: the system gave no random bytes or not enough memory")]
    NoResources,
}

impl PasswordHash {
    /// Reads `sha256:<64 hex>` (any case) or a PHC string `$argon2id$v=19$m=…,t=…,p=…$salt$hash`.
    ///
    /// # Errors
    /// [`HashFault`] for every other text, for a hash dearer than 64 MiB, 10 passes or 4 lanes, and for the digest of
    /// the empty text.
    pub fn parse(text: &str) -> Result<Self, HashFault> {
        if let Some(hex) = text.strip_prefix("sha256:") {
            return Sha256Hash::parse(hex).map(Self::Sha256);
        }
        if text.starts_with("$argon2id$") {
            return Argon2idHash::parse(text).map(Self::Argon2id);
        }
        if text.starts_with("$argon2i$") || text.starts_with("$argon2d$") {
            return Err(HashFault::NotArgon2id);
        }
        let like_argon2 = text.starts_with("=19") || text.contains("argon2") || text.contains(",t=");
        Err(if like_argon2 { HashFault::DollarsEaten } else { HashFault::UnknownForm })
    }

    /// The SHA-256 form of a password that is given in clear: a variable's, or one that a program has just generated.
    #[must_use]
    pub fn of_plain(password: &Secret<String>) -> Self {
        Self::Sha256(Sha256Hash::of(password.expose()))
    }

    /// The text that [`PasswordHash::parse`] reads: for the clients file and for `CLIENT_PASSWORD_HASH`.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Sha256(hash) => hash.text(),
            Self::Argon2id(hash) => hash.phc.to_string(),
        }
    }
}

/// Hashes a password that a person chose: a PHC string of argon2id with 7 MiB, 5 passes, 1 lane and 16 random bytes of salt.
///
/// Blocking, some 10 to 20 ms. Parameters: OWASP password storage cheat sheet, the row with the least memory.
/// # Errors
/// [`HashFault::EmptyPassword`]; [`HashFault::NoResources`] when the system has no random bytes or no memory.
pub fn hash_chosen(password: &Secret<String>) -> Result<String, HashFault> {
    if password.expose().is_empty() {
        return Err(HashFault::EmptyPassword);
    }
    let mut salt = [0; 16];
    aws_lc_rs::rand::fill(&mut salt).map_err(|_| HashFault::NoResources)?;
    let params = Params::new(7168, 5, 1, None).map_err(|_| HashFault::NoResources)?;
    Argon2::new(argon2::Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_with_salt(password.expose().as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(|_| HashFault::NoResources)
}

impl Sha256Hash {
    /// No text is known to have this digest: it stands where a login is compared only to take as long as any other.
    pub(super) const NOBODYS: Self = Self([0; 32]);

    pub(super) fn of(password: &str) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, password.as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }

    /// Compared in a time that does not depend on where they differ.
    pub(super) fn is(&self, other: &Self) -> subtle::Choice {
        self.0.ct_eq(&other.0)
    }

    pub(super) fn text(&self) -> String {
        self.0.iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
    }

    pub(super) fn from_hex(hex: &str) -> Result<Self, HashFault> {
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(HashFault::NotHex);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let pair = str::from_utf8(pair).map_err(|_| HashFault::NotHex)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| HashFault::NotHex)?;
        }
        Ok(Self(bytes))
    }

    fn parse(hex: &str) -> Result<Self, HashFault> {
        let hash = Self::from_hex(hex)?;
        if bool::from(hash.is(&Self::of(""))) { Err(HashFault::EmptyPassword) } else { Ok(hash) }
    }
}

impl Argon2idHash {
    /// A hash as dear as `cost` that no password is known to have.
    pub(super) fn nobodys(cost: Cost) -> Result<Self, HashFault> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(cost.output_bytes));
        let params = params.map_err(|_| HashFault::Damaged)?;
        let phc = argon2::PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(params).map_err(|_| HashFault::Damaged)?,
            salt: Some(Salt::new(&[0; 16]).map_err(|_| HashFault::Damaged)?),
            hash: Some(Output::new(&vec![0; cost.output_bytes]).map_err(|_| HashFault::Damaged)?),
        };
        Ok(Self { phc: Arc::new(phc), cost })
    }

    /// Blocking: hashes `password` in `room` and compares. What cannot be hashed lets nobody in.
    pub(super) fn is_of(&self, password: &Secret<String>, room: &mut HashingRoom) -> bool {
        let (Ok(params), Some(salt), Some(expected)) = (Params::try_from(&*self.phc), &self.phc.salt, &self.phc.hash)
        else {
            return false;
        };
        let mut output = vec![0; expected.len()];
        let blocks = room.of(params.block_count());
        let argon2 = Argon2::from(params);
        let hashed = argon2.hash_password_into_with_memory(password.expose().as_bytes(), salt, &mut output, blocks);
        hashed.is_ok() && bool::from(output.ct_eq(expected.as_bytes()))
    }

    /// Whether both were written as the same text.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.phc == other.phc
    }

    pub(super) const fn cost(&self) -> Cost {
        self.cost
    }

    fn parse(text: &str) -> Result<Self, HashFault> {
        let phc = argon2::PasswordHash::new(text).map_err(|_| HashFault::Damaged)?;
        if phc.version != Some(Version::V0x13.into()) {
            return Err(HashFault::NotArgon2id);
        }
        let params_lack = |name: &str| phc.params.get(name).is_none();
        if phc.salt.is_none() || ["m", "t", "p"].into_iter().any(params_lack) {
            return Err(HashFault::Damaged);
        }
        let output_bytes = phc.hash.as_ref().ok_or(HashFault::Damaged)?.len();
        let params = Params::try_from(&phc).map_err(|_| HashFault::Damaged)?;
        let cost = Cost { memory_kib: params.m_cost(), passes: params.t_cost(), lanes: params.p_cost(), output_bytes };
        match cost {
            Cost { memory_kib, .. } if memory_kib > MAX_MEMORY_KIB => Err(HashFault::Memory { memory_kib }),
            Cost { passes, .. } if passes > MAX_PASSES => Err(HashFault::Passes { passes }),
            Cost { lanes, .. } if lanes > MAX_LANES => Err(HashFault::Lanes { lanes }),
            _ => Ok(Self { phc: Arc::new(phc), cost }),
        }
    }
}

impl fmt::Debug for Sha256Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[digest]")
    }
}

impl fmt::Debug for Argon2idHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hash]")
    }
}

/// The most memory one argon2id hash may need, in KiB.
const MAX_MEMORY_KIB: u32 = 64 * 1024;
/// The most passes one argon2id hash may need.
const MAX_PASSES: u32 = 10;
/// The most lanes one argon2id hash may have.
const MAX_LANES: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const SALT_AND_HASH: &str = "c29tZXNhbHQxMjM0NTY$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    fn fault(text: &str) -> Option<HashFault> {
        PasswordHash::parse(text).err()
    }

    #[test]
    fn a_digest_is_read_in_either_case_and_written_back() {
        for text in [ABC.to_owned(), format!("sha256:{}", ABC[7..].to_uppercase())] {
            assert_eq!(PasswordHash::parse(&text).expect("a digest").text(), ABC, "{text}");
        }
        assert_eq!(PasswordHash::of_plain(&secret("abc")).text(), ABC);
    }

    #[test]
    fn what_is_not_a_hash_within_limits_is_refused() {
        let argon2id = |params: &str| format!("$argon2id$v=19${params}${SALT_AND_HASH}");
        for (text, expected) in [
            (String::new(), HashFault::UnknownForm),
            ("hunter2".to_owned(), HashFault::UnknownForm),
            ("SHA256:00".to_owned(), HashFault::UnknownForm),
            ("$2b$12$abcdefghijklmnopqrstuv".to_owned(), HashFault::UnknownForm),
            (ABC[7..].to_owned(), HashFault::UnknownForm),
            ("sha256:".to_owned(), HashFault::NotHex),
            (ABC[..70].to_owned(), HashFault::NotHex),
            (format!("{ABC}0"), HashFault::NotHex),
            (format!("sha256:{}", "+1".repeat(32)), HashFault::NotHex),
            (format!("sha256:{}", "é".repeat(32)), HashFault::NotHex),
            (EMPTY.to_owned(), HashFault::EmptyPassword),
            (format!("$argon2i$v=19$m=7168,t=5,p=1${SALT_AND_HASH}"), HashFault::NotArgon2id),
            (format!("$argon2d$v=19$m=7168,t=5,p=1${SALT_AND_HASH}"), HashFault::NotArgon2id),
            (format!("$argon2id$v=16$m=7168,t=5,p=1${SALT_AND_HASH}"), HashFault::NotArgon2id),
            (format!("$argon2id$m=7168,t=5,p=1${SALT_AND_HASH}"), HashFault::NotArgon2id),
            ("$argon2id$v=19$m=7168,t=5,p=1".to_owned(), HashFault::Damaged),
            ("$argon2id$v=19$m=7168,t=5,p=1$c29tZXNhbHQxMjM0NTY".to_owned(), HashFault::Damaged),
            (argon2id("m=7168,t=5"), HashFault::Damaged),
            (argon2id("m=1,t=5,p=1"), HashFault::Damaged),
            (argon2id("m=7168,t=0,p=1"), HashFault::Damaged),
            (argon2id("m=7168,t=5,p=0"), HashFault::Damaged),
            (argon2id("m=7168,t=5,p=1") + "$more", HashFault::Damaged),
            (argon2id("m=65537,t=1,p=1"), HashFault::Memory { memory_kib: 65537 }),
            (argon2id("m=4294967295,t=1,p=1"), HashFault::Memory { memory_kib: u32::MAX }),
            (argon2id("m=7168,t=11,p=1"), HashFault::Passes { passes: 11 }),
            (argon2id("m=7168,t=5,p=5"), HashFault::Lanes { lanes: 5 }),
            ("=19=7168,t=5,p=1".to_owned(), HashFault::DollarsEaten),
            ("=19".to_owned(), HashFault::DollarsEaten),
            ("argon2id=19=7168,t=5,p=1".to_owned(), HashFault::DollarsEaten),
            ("$$argon2id$$v=19$$m=7168,t=5,p=1$$salt$$hash".to_owned(), HashFault::DollarsEaten),
            ("'$argon2id$v=19$m=7168,t=5,p=1$salt$hash'".to_owned(), HashFault::DollarsEaten),
        ] {
            assert_eq!(fault(&text), Some(expected), "{text}");
        }
        for params in ["m=65536,t=10,p=4", "m=7168,t=5,p=1", "m=8,t=1,p=1"] {
            assert_eq!(fault(&argon2id(params)), None, "{params}");
        }
    }

    #[test]
    fn a_chosen_password_is_hashed_with_fresh_salt_and_found_again() {
        let (first, second) = (hash_chosen(&secret("mật khẩu")), hash_chosen(&secret("mật khẩu")));
        let (first, second) = (first.expect("a hash"), second.expect("a hash"));
        assert!(first.starts_with("$argon2id$v=19$m=7168,t=5,p=1$"), "{first}");
        assert_ne!(first, second);
        let Ok(PasswordHash::Argon2id(hash)) = PasswordHash::parse(&first) else { panic!("not read back: {first}") };
        assert!(hash.is_of(&secret("mật khẩu"), &mut HashingRoom::default()));
        assert!(!hash.is_of(&secret("mat khau"), &mut HashingRoom::default()));
        assert_eq!(hash_chosen(&secret("")), Err(HashFault::EmptyPassword));
    }

    #[test]
    fn nobodys_hash_costs_the_same_and_is_of_no_password() {
        let Ok(PasswordHash::Argon2id(hash)) =
            PasswordHash::parse(&format!("$argon2id$v=19$m=64,t=2,p=2${SALT_AND_HASH}"))
        else {
            panic!("a hash")
        };
        let cost = hash.cost();
        let nobodys = Argon2idHash::nobodys(cost).expect("a hash");
        assert_eq!(Params::try_from(&*nobodys.phc).map(|params| params.t_cost()), Ok(2));
        assert_eq!(nobodys.cost(), cost);
        assert!(!nobodys.is_of(&secret(""), &mut HashingRoom::default()));
    }

    #[test]
    fn no_digest_is_shown() {
        let argon2id = PasswordHash::parse(&format!("$argon2id$v=19$m=64,t=2,p=2${SALT_AND_HASH}")).expect("a hash");
        let shown = format!("{:?} {:?}", PasswordHash::parse(ABC).expect("a digest"), argon2id);
        assert_eq!(shown, "Sha256([digest]) Argon2id([hash])");
    }
}
