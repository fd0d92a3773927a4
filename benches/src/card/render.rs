//! The review page as Markdown and as HTML.
//! **Invariant:** both show the same, and nothing of a card can become markup.
//! It does not choose what is shown: `page` does.

use std::fmt::Write as _;

use inbetween_card::{Item, Level};
use maud::{DOCTYPE, html};

use super::page::Page;

/// The page as Markdown.
pub fn markdown(page: &Page) -> String {
    let mut out = format!("# System card: {}\n\n{}\n", plain(&page.title), page.verdict());
    for (i, part) in page.parts.iter().enumerate() {
        let (name, asks) = (part.section.name(), part.section.asks());
        let _ = writeln!(out, "\n## {}. {name} ({:.0}%)\n\n*{asks}*\n", i + 1, 100.0 * part.score);
        for item in &part.items {
            let _ = writeln!(out, "- [{}] {}", if item.level.is_none() { 'x' } else { ' ' }, said(item));
        }
        for f in &part.findings {
            let (field, wrong, mend) = (plain(&f.field), plain(&f.wrong), plain(&f.mend));
            let _ = writeln!(out, "- **line {}, {field}**: {wrong}; {mend}", f.line);
        }
        if !part.rows.is_empty() {
            out.push_str("\n| field | value |\n|---|---|\n");
        }
        for (field, value) in &part.rows {
            let _ = writeln!(out, "| {} | {} |", plain(field), plain(value));
        }
    }
    out
}

/// Text that Markdown takes as it is.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            '|' | '*' | '_' | '`' | '[' | ']' | '<' | '>' | '#' | '\\' | '&' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}

fn said(item: &Item) -> String {
    match item.level {
        Some(Level::Warning) => format!("{} (half: there is a warning)", item.demand),
        _ => item.demand.to_owned(),
    }
}

/// Readable on paper and on screens of any width.
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}\
table{border-collapse:collapse;width:100%}td{border-bottom:1px solid #ddd;padding:.2rem .5rem;vertical-align:top}\
td:first-child{font-family:ui-monospace,monospace;font-size:.85em;width:40%;overflow-wrap:anywhere}\
ul{list-style:none;padding:0}.met::before{content:'✓ ';color:#0a7d32}.warning::before{content:'! ';color:#a06000}\
.error::before{content:'✗ ';color:#b00020}.error,.warning{font-weight:600}em{color:#555}";

/// The page as HTML, one file without anything else.
pub fn html(page: &Page) -> String {
    let class = |level: Option<Level>| match level {
        None => "met",
        Some(Level::Warning) => "warning",
        Some(Level::Error) => "error",
    };
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "System card: " (page.title) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body {
                h1 { "System card: " (page.title) }
                p class=(if page.passes { "met" } else { "error" }) { (page.verdict()) }
                @for (i, part) in page.parts.iter().enumerate() {
                    h2 { (i + 1) ". " (part.section.name()) " (" (format!("{:.0}%", 100.0 * part.score)) ")" }
                    p { em { (part.section.asks()) } }
                    ul {
                        @for item in &part.items { li class=(class(item.level)) { (said(item)) } }
                        @for f in &part.findings {
                            li class=(class(Some(f.level))) {
                                "line " (f.line) ", " code { (f.field) } ": " (f.wrong) "; " (f.mend)
                            }
                        }
                    }
                    table { @for (field, value) in &part.rows { tr { td { (field) } td { (value) } } } }
                }
            }
        }
    };
    markup.into_string()
}
