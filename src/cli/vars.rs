//! `bearergate vars`: the table of variables for a person, for the README and for programs.

use std::fmt::Write as _;

use super::{Exit, print};
use crate::config::vars::{DefaultText, Row, TABLE};

/// How the table is printed.
#[derive(Clone, Copy, Default, clap::ValueEnum)]
pub(super) enum TableFormat {
    /// One paragraph a variable
    #[default]
    Text,
    /// The table of the README
    Markdown,
    /// An array of objects with name, default, meaning and secret
    Json,
}

pub(super) fn vars(format: TableFormat) -> Exit {
    print(&table(format))
}

/// The table, without a final line end.
fn table(format: TableFormat) -> String {
    match format {
        TableFormat::Text => TABLE.iter().map(paragraph).collect::<Vec<_>>().join("\n\n"),
        TableFormat::Markdown => markdown(),
        TableFormat::Json => serde_json::to_string_pretty(TABLE).expect("strings and flags always become JSON"),
    }
}

fn paragraph(row: &Row) -> String {
    let (DefaultText::Value(default) | DefaultText::Rule(default)) = row.default;
    let mut text = format!("{}\n    {}\n    default: {default}", row.name, row.meaning);
    if let Some(file_variable) = row.file_variable() {
        let _ = write!(text, "\n    secret; {file_variable} may name a file that holds it");
    }
    text
}

fn markdown() -> String {
    let mut text = "| variable | default | meaning |\n|---|---|---|".to_owned();
    for row in TABLE {
        let default = match row.default {
            DefaultText::Value(value) => format!("`{value}`"),
            DefaultText::Rule(rule) => rule.to_owned(),
        };
        let _ = write!(text, "\n| `{}` | {default} | {}", row.name, row.meaning);
        if let Some(file_variable) = row.file_variable() {
            let _ = write!(text, "; a secret: `{file_variable}` may name a file that holds it");
        }
        text.push_str(" |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_has_every_variable() {
        for format in [TableFormat::Text, TableFormat::Markdown, TableFormat::Json] {
            let text = table(format);
            for row in TABLE {
                assert!(text.contains(row.name), "{}", row.name);
            }
            assert!(text.contains("BEARERGATE_TOKEN_KEY"), "{text}");
            assert!(text.lines().all(|line| line.trim_end() == line), "{text}");
            assert!(!text.ends_with('\n'));
        }
    }

    #[test]
    fn the_markdown_is_one_table_of_three_columns() {
        let text = table(TableFormat::Markdown);
        assert_eq!(text.lines().count(), TABLE.len() + 2);
        for line in text.lines() {
            assert_eq!(line.matches('|').count(), 4, "{line}");
        }
        assert!(text.contains("| `BEARERGATE_TOKEN_TTL` | `300s` | how long"), "{text}");
        assert!(text.contains("`BEARERGATE_TOKEN_KEY_FILE` may name a file"), "{text}");
    }

    #[test]
    fn the_json_is_an_array_of_rows() {
        let rows: Vec<serde_json::Value> = serde_json::from_str(&table(TableFormat::Json)).expect("it is JSON");
        assert_eq!(rows.len(), TABLE.len());
        let life = rows.iter().find(|row| row["name"] == "BEARERGATE_TOKEN_TTL").expect("the row is there");
        assert_eq!((&life["default"], &life["secret"]), (&"300s".into(), &false.into()));
    }
}
