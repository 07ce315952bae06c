//! A value that must not be seen: no `Display`, a placeholder for `Debug`, wiped when it goes.
//!
//! Whoever needs the content says [`Secret::expose`], at the last moment and in plain sight of a reviewer.

use std::fmt;

use zeroize::Zeroize;

/// A secret: a password, a key, a header value that opens something.
// Not `Clone`: every copy is one more place to wipe. No `PartialEq`: comparing is the job of code that does it in constant time.
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the value in. The memory that it is moved from is the caller's to wipe.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The content, for the one line that needs it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn debug_shows_a_placeholder_at_every_depth() {
        let secret = Secret::new("correct horse".to_owned());
        assert_eq!(format!("{secret:?}"), "[secret]");
        assert_eq!(format!("{:#?}", Some(&secret)), "Some(\n    [secret],\n)");
        assert_eq!(secret.expose(), "correct horse");
    }

    #[test]
    fn the_content_is_wiped_when_the_secret_goes() {
        struct Tattling(Rc<Cell<bool>>);
        impl Zeroize for Tattling {
            fn zeroize(&mut self) {
                self.0.set(true);
            }
        }
        let wiped = Rc::new(Cell::new(false));
        drop(Secret::new(Tattling(Rc::clone(&wiped))));
        assert!(wiped.get());
    }
}
