//! The two numbers by which people look for a payment, found in the beginning of a delivery's body.

use std::cell::RefCell;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

/// `referencenumber` and `transactionid` of a delivery, each cut at 64 characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// `referencenumber`.
    pub number: Option<String>,
    /// `transactionid`.
    pub transaction: Option<String>,
}

/// How much of a body is looked into.
pub const MOST_SEEN: usize = 16 << 10;

impl References {
    /// Finds what there is in `body`, which may be cut off anywhere: what stands before the cut is found.
    #[must_use]
    pub fn find(body: &[u8]) -> Self {
        let found = RefCell::default();
        let mut json = serde_json::Deserializer::from_slice(body);
        // An error is the normal end of a body that was cut.
        let _ = json.deserialize_map(Seek(&found));
        found.into_inner()
    }
}

struct Seek<'f>(&'f RefCell<References>);

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "referencenumber" => self.0.borrow_mut().number = map.next_value::<Short>()?.0,
                "transactionid" => self.0.borrow_mut().transaction = map.next_value::<Short>()?.0,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// A text or a number, cut; anything else is nothing.
struct Short(Option<String>);

impl<'de> Deserialize<'de> for Short {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => text,
            serde_json::Value::Number(number) => number.to_string(),
            _ => return Ok(Self(None)),
        };
        Ok(Self(Some(text.chars().take(MOST_CHARACTERS).collect())))
    }
}

const MOST_CHARACTERS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_numbers_are_found_wherever_they_stand_before_the_cut() {
        let both = |number: &str, transaction: &str| References {
            number: Some(number.into()),
            transaction: Some(transaction.into()),
        };
        let long = format!(r#"{{"referencenumber":"{}"}}"#, "9".repeat(100));
        for (body, expected) in [
            (r#"{"amount":1,"referencenumber":"FT1","transactionid":"T1"}"#, both("FT1", "T1")),
            (r#"{"transactionid":"T1","object":{"referencenumber":"no"},"referencenumber":7}"#, both("7", "T1")),
            (r#"{"referencenumber":"FT1","transactionid":"T1","content":"cut he"#, both("FT1", "T1")),
            (r#"{"referencenumber":"FT1","transac"#, References { number: Some("FT1".into()), transaction: None }),
            (r#"{"referencenumber":"FT"#, References::default()),
            (r#"{"referencenumber":["FT1"]}"#, References::default()),
            (r#"["referencenumber"]"#, References::default()),
            ("amount=1", References::default()),
            ("", References::default()),
            (&long, References { number: Some("9".repeat(64)), transaction: None }),
        ] {
            assert_eq!(References::find(body.as_bytes()), expected, "{body}");
        }
    }
}
