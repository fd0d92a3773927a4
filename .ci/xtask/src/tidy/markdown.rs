//! Rules for documents: links resolve, the glossary is sorted, numbers in README tables are generated.
//! **Invariant:** only links inside the repository are checked; nothing is fetched.
//! It does not check prose.

use std::collections::BTreeSet;

use super::{Exceptions, File};

/// Each relative link in a document leads to a tracked file or folder, and to a heading where it names one.
pub fn links(files: &[File], _: &Exceptions) -> Vec<String> {
    let mut places: BTreeSet<&str> = BTreeSet::new();
    for file in files {
        places.insert(&file.path);
        places.extend(file.path.match_indices('/').map(|(at, _)| &file.path[..at]));
    }
    let mut findings = Vec::new();
    for file in files.iter().filter(|f| f.is("md")) {
        for (line, link) in targets(&file.text) {
            let (path, anchor) = link.split_once('#').map_or((&*link, None), |(p, a)| (p, Some(a)));
            if path.contains("://") || path.starts_with("mailto:") {
                continue;
            }
            let place = resolve(&file.path, path);
            if !place.is_empty() && !places.contains(&*place) {
                findings.push(format!("{}:{line}: no file {link}", file.path));
            } else if let Some(anchor) = anchor
                && let Some(target) = files.iter().find(|f| f.path == place && f.is("md"))
                && !anchors(&target.text).contains(anchor)
            {
                findings.push(format!("{}:{line}: no heading #{anchor} in {place}", file.path));
            }
        }
    }
    findings
}

/// Line and target of each `[text](target)`, `![text](target)` and `src="target"` outside code blocks.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (line, content) in outside_code(text) {
        for (opening, closing) in [("](", ')'), ("src=\"", '"'), ("href=\"", '"')] {
            for (at, _) in content.match_indices(opening) {
                let target = content[at + opening.len()..].split(closing).next().unwrap_or("");
                let target = target.split_whitespace().next().unwrap_or("");
                if !target.is_empty() {
                    found.push((line, target.to_owned()));
                }
            }
        }
    }
    found
}

/// Lines (from 1) that are not in a fenced block, without inline code.
fn outside_code(text: &str) -> Vec<(usize, String)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let prose: Vec<&str> = line.split('`').step_by(2).collect();
            lines.push((index + 1, prose.join(" ")));
        }
    }
    lines
}

/// `link` in the document at `from`, as a path from the root.
fn resolve(from: &str, link: &str) -> String {
    if link.is_empty() {
        return from.to_owned();
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return link.to_owned(); // out of the repository: no such file
                }
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// Anchors of the headings, as code hosts make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        }
        if let Some(heading) = line.strip_prefix('#').filter(|_| !fenced) {
            let words = heading.trim_start_matches('#').trim().to_lowercase();
            let slug = words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            found.insert(slug.map(|c| if c == ' ' { '-' } else { c }).collect());
        }
    }
    found
}

/// Terms of the glossary (first cells of table rows, or `**term**` at the start of a line) are sorted and unique.
pub fn glossary(files: &[File], _: &Exceptions) -> Vec<String> {
    let Some(file) = files.iter().find(|f| f.path == "GLOSSARY.md") else { return Vec::new() };
    let mut findings = Vec::new();
    let mut previous = String::new();
    let mut terms = 0;
    for (index, line) in file.text.lines().enumerate() {
        if line.starts_with('#') {
            previous.clear(); // each section is sorted by itself
        }
        let Some(term) = term(line) else { continue };
        terms += 1;
        if term <= previous {
            findings.push(format!("GLOSSARY.md:{}: {term} stands after {previous}", index + 1));
        }
        previous = term;
    }
    if terms == 0 {
        findings.push("GLOSSARY.md: no entry `| term | meaning |`".to_owned());
    }
    findings
}

/// The term of a glossary's line, if it has one.
fn term(line: &str) -> Option<String> {
    let term = match line.strip_prefix('|') {
        Some(row) => row.split('|').next()?.trim().trim_matches('*'),
        None => line.trim_start_matches(['-', ' ']).strip_prefix("**")?.split("**").next()?,
    };
    let heading = term == "term" || term.starts_with("--");
    (!heading && !term.is_empty()).then(|| term.to_lowercase())
}

/// A table row with a number in the front page is between `<!-- claims:… -->` and `<!-- /claims -->`.
pub fn generated_numbers(files: &[File], _: &Exceptions) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|f| f.path == "README.md") {
        let mut generated = false;
        for (line, content) in outside_code(&file.text) {
            if content.trim_start().starts_with("<!-- claims:") {
                generated = true;
            } else if content.trim_start().starts_with("<!-- /claims") {
                generated = false;
            } else if !generated && content.starts_with('|') && has_figure(&content) {
                findings.push(format!("{}:{line}: a number outside the generated tables", file.path));
            }
        }
    }
    findings
}

/// Whether a cell starts with a figure, after signs such as `≥`, `~` or `<`.
fn has_figure(row: &str) -> bool {
    row.split('|').any(|cell| {
        cell.trim()
            .trim_start_matches(|c: char| !c.is_alphanumeric())
            .starts_with(|c: char| c.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none() -> Exceptions {
        Exceptions::default()
    }

    #[test]
    fn broken_links_are_found() {
        let doc = "[a](core/flow) [b](b.md#a-heading) ![c](<missing>)\n[here](#top) [web](https://x.y/z)\n`[d](gone)`\n\n```\n[e](gone)\n```\n# Top\n";
        let files = |text: &str| {
            [File::new("a.md", text), File::new("b.md", "## A heading!\n"), File::new("core/flow/x.rs", "")]
        };
        assert_eq!(links(&files(doc), &none()), ["a.md:1: no file <missing>"]);
        assert_eq!(links(&files("[x](gone.md)"), &none()).len(), 1);
        assert_eq!(links(&files("[x](b.md#gone)"), &none()).len(), 1);
        assert_eq!(links(&files("[x](../outside.md)"), &none()).len(), 1);
        assert_eq!(links(&files("<img src=\"gone.png\">"), &none()).len(), 1);
    }

    #[test]
    fn links_are_resolved_from_the_document() {
        assert_eq!(resolve("core/flow/README.md", "../infer/x.md"), "core/infer/x.md");
        assert_eq!(resolve("README.md", "./a/"), "a");
    }

    #[test]
    fn an_unsorted_glossary_is_found() {
        let text = |t: &str| [File::new("GLOSSARY.md", t)];
        assert!(glossary(&text("# G\n- **age**: x\n- **Birth**: y\n"), &none()).is_empty());
        assert_eq!(glossary(&text("- **birth**: x\n- **age**: y\n"), &none()).len(), 1);
        assert_eq!(glossary(&text("- **age**: x\n- **age**: y\n"), &none()).len(), 1);
        assert_eq!(glossary(&text("nothing"), &none()).len(), 1);
        assert!(
            glossary(&text("| term | meaning |\n|---|---|\n| age | x |\n| **birth** | y |\n"), &none())
                .is_empty()
        );
        assert_eq!(
            glossary(&text("| term | meaning |\n|---|---|\n| birth | y |\n| age | x |\n"), &none()).len(),
            1
        );
    }

    #[test]
    fn numbers_outside_generated_tables_are_found() {
        let readme = |t: &str| [File::new("README.md", t)];
        assert_eq!(generated_numbers(&readme("| runs | 12 |"), &none()).len(), 1);
        assert_eq!(generated_numbers(&readme("| gate | ≤ 50 µs |"), &none()).len(), 1);
        let fine = "<!-- claims:a -->\n| runs | 12 |\n<!-- /claims -->\n| NV12 | yes |\n|---|---|\n";
        assert!(generated_numbers(&readme(fine), &none()).is_empty());
    }
}
