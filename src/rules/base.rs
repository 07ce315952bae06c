//! Where our paths begin: the base paths registered with the network, and the token endpoint below them.

use std::fmt;

use crate::rules::path::{PathFault, SafePath};

/// A base path, `/` or such as `/a/b`, without a final slash.
#[derive(Clone, PartialEq, Eq)]
pub struct BasePath {
    /// Empty for `/`, so that every path below it begins with it.
    prefix: String,
}

/// Every base path of this instance: at least one, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasePaths {
    /// The longest first: the first that fits is the longest that fits.
    longest_first: Vec<BasePath>,
}

/// The path of the token endpoint below a base path, such as `/api/token_generate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPath(String);

/// Why a text is no base path or token path. The operator is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BaseFault {
    /// No text.
    #[error("is empty; write / for no base path")]
    Empty,
    /// Two slashes in a row.
    #[error("holds two slashes in a row; write one")]
    DoubleSlash,
    /// The same base path twice.
    #[error("names the same base path twice; leave one")]
    Twice,
    /// The token endpoint cannot be `/`.
    #[error("is / alone, which would take every request to the base path; write a path such as /api/token_generate")]
    Root,
    /// No request with it would pass.
    #[error("cannot be called: {0}; write it plainly, such as /a/b")]
    Path(#[from] PathFault),
}

impl BasePath {
    /// Reads `/` or such as `/a/b`; one final slash is dropped.
    ///
    /// # Errors
    /// [`BaseFault`] for a path that no request could have.
    pub fn parse(text: &str) -> Result<Self, BaseFault> {
        Ok(Self { prefix: without_final_slash(text)?.to_owned() })
    }

    /// The base path as it is written: `/` or such as `/a/b`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        if self.prefix.is_empty() { "/" } else { &self.prefix }
    }

    fn below<'p>(&self, path: &SafePath<'p>) -> Option<&'p str> {
        let rest = path.as_str().strip_prefix(&self.prefix)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(rest)
    }
}

impl BasePaths {
    /// Reads a comma list of base paths; spaces around each are dropped.
    ///
    /// # Errors
    /// [`BaseFault`] for one that is none, and for the same one twice.
    pub fn parse(text: &str) -> Result<Self, BaseFault> {
        let mut bases: Vec<BasePath> = Vec::new();
        for base in text.split(',') {
            let base = BasePath::parse(base.trim())?;
            if bases.contains(&base) {
                return Err(BaseFault::Twice);
            }
            bases.push(base);
        }
        bases.sort_by_key(|base| std::cmp::Reverse(base.prefix.len()));
        Ok(Self { longest_first: bases })
    }

    /// Every base path, the longest first.
    pub fn iter(&self) -> impl Iterator<Item = &BasePath> {
        self.longest_first.iter()
    }

    /// What follows the longest base path that `path` lies below, byte for byte: empty or beginning with `/`. `None`
    /// outside of all.
    #[must_use]
    pub fn below<'p>(&self, path: &SafePath<'p>) -> Option<&'p str> {
        self.longest_first.iter().find_map(|base| base.below(path))
    }
}

impl TokenPath {
    /// Reads a path such as `/api/token_generate`; one final slash is dropped.
    ///
    /// # Errors
    /// [`BaseFault`] for a path that no request could have, and for `/`.
    pub fn parse(text: &str) -> Result<Self, BaseFault> {
        let path = without_final_slash(text)?;
        if path.is_empty() { Err(BaseFault::Root) } else { Ok(Self(path.to_owned())) }
    }

    /// The path as it is written, below a base path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `path` is the token endpoint below one of `bases`: runs of `/` count as one and one final `/` as none, because
    /// addresses are put together by hand at registration. Anything else is compared byte for byte. For this endpoint alone.
    #[must_use]
    pub fn matches(&self, bases: &BasePaths, path: &SafePath<'_>) -> bool {
        bases.iter().any(|base| {
            let wanted = base.prefix.bytes().chain(self.0.bytes());
            let mut sent = collapsed(path.as_str());
            wanted.into_iter().all(|byte| sent.next() == Some(byte))
                && matches!((sent.next(), sent.next()), (None | Some(b'/'), None))
        })
    }
}

/// The bytes of `path`, each run of slashes as one.
fn collapsed(path: &str) -> impl Iterator<Item = u8> {
    let mut last = 0;
    path.bytes().filter(move |byte| {
        let repeated = *byte == b'/' && last == b'/';
        last = *byte;
        !repeated
    })
}

fn without_final_slash(text: &str) -> Result<&str, BaseFault> {
    if text.is_empty() {
        return Err(BaseFault::Empty);
    }
    let path = SafePath::parse(text)?.as_str();
    if path.contains("//") {
        return Err(BaseFault::DoubleSlash);
    }
    Ok(path.strip_suffix('/').unwrap_or(path))
}

impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for TokenPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bases(text: &str) -> BasePaths {
        BasePaths::parse(text).expect("base paths")
    }

    fn safe(path: &str) -> SafePath<'_> {
        SafePath::parse(path).expect("a safe path")
    }

    #[test]
    fn a_base_path_is_read_without_its_final_slash() {
        for (text, expected) in
            [("/", "/"), ("/vqr", "/vqr"), ("/vqr/", "/vqr"), ("/wp-json/tt-vietqr", "/wp-json/tt-vietqr")]
        {
            assert_eq!(BasePath::parse(text).expect(text).to_string(), expected);
        }
    }

    #[test]
    fn base_paths_that_nobody_could_call_are_refused() {
        for (text, fault) in [
            ("", BaseFault::Empty),
            ("/a,", BaseFault::Empty),
            (",/a", BaseFault::Empty),
            ("/a,,/b", BaseFault::Empty),
            ("vqr", BaseFault::Path(PathFault::NotRooted)),
            ("/vqr?x", BaseFault::Path(PathFault::QueryOrFragment)),
            ("/../vqr", BaseFault::Path(PathFault::DotSegment)),
            ("/a b", BaseFault::Path(PathFault::ControlCharacter)),
            ("/a%2Fb", BaseFault::Path(PathFault::EncodedSlash)),
            ("//", BaseFault::DoubleSlash),
            ("/a//b", BaseFault::DoubleSlash),
            ("/a//", BaseFault::DoubleSlash),
            ("/a,/b,/a", BaseFault::Twice),
            ("/a, /a/", BaseFault::Twice),
        ] {
            assert_eq!(BasePaths::parse(text).err(), Some(fault), "{text:?}");
        }
        assert_eq!(TokenPath::parse("/").err(), Some(BaseFault::Root));
        assert_eq!(TokenPath::parse("token").err(), Some(BaseFault::Path(PathFault::NotRooted)));
        assert_eq!(TokenPath::parse("/a//b").err(), Some(BaseFault::DoubleSlash));
    }

    #[test]
    fn what_follows_the_longest_base_path_is_given_raw() {
        for (list, path, rest) in [
            ("/", "/", Some("/")),
            ("/", "/a//b/", Some("/a//b/")),
            ("/vqr", "/vqr", Some("")),
            ("/vqr", "/vqr/", Some("/")),
            ("/vqr", "/vqr/a%20b", Some("/a%20b")),
            ("/vqr", "/vqr//a", Some("//a")),
            ("/vqr", "/vqrx/a", None),
            ("/vqr", "/VQR/a", None),
            ("/vqr", "/v%71r/a", None),
            ("/vqr", "//vqr/a", None),
            ("/vqr", "/", None),
            ("/vqr", "/other/vqr/a", None),
            ("/vqr, /vietqr", "/vietqr/a", Some("/a")),
            ("/a,/a/b", "/a/b/c", Some("/c")),
            ("/a/b,/a", "/a/bc", Some("/bc")),
            ("/,/a", "/a/c", Some("/c")),
            ("/a,/", "/b", Some("/b")),
        ] {
            assert_eq!(bases(list).below(&safe(path)), rest, "{path} below {list}");
        }
    }

    #[test]
    fn the_token_endpoint_forgives_slashes_and_nothing_else() {
        let token = TokenPath::parse("/api/token_generate/").expect("a token path");
        assert_eq!(token.as_str(), "/api/token_generate");
        for (list, path, expected) in [
            ("/", "/api/token_generate", true),
            ("/", "/api/token_generate/", true),
            ("/", "//api/token_generate", true),
            ("/", "/api///token_generate//", true),
            ("/", "/api/token_generate/x", false),
            ("/", "/api/token_generate//x", false),
            ("/", "/api/token_generatex", false),
            ("/", "/api/token_generat", false),
            ("/", "/api/token_generate;x", false),
            ("/", "/api/token_generate/;", false),
            ("/", "/api/%74oken_generate", false),
            ("/", "/API/token_generate", false),
            ("/", "/vqr/api/token_generate", false),
            ("/", "/", false),
            ("/vqr", "/vqr/api/token_generate", true),
            ("/vqr", "//vqr//api/token_generate/", true),
            ("/vqr", "/api/token_generate", false),
            ("/vqr", "/vqrapi/token_generate", false),
            ("/vqr,/", "/api/token_generate", true),
            ("/vqr,/vietqr", "/vietqr/api/token_generate", true),
        ] {
            assert_eq!(token.matches(&bases(list), &safe(path)), expected, "{path} below {list}");
        }
    }
}
