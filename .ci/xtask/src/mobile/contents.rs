//! What is in a shared library: sizes of sections, exports, imports, alignment of its segments.
//! **Invariant:** ELF and Mach-O are read alike; a file that is neither is an error.
//! It does not judge.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use object::{Architecture, BinaryFormat, Object, ObjectSection, ObjectSegment, ObjectSymbol, SectionKind};

/// What a library holds.
#[derive(Debug)]
pub struct Contents {
    /// The processor that it is for.
    pub architecture: Architecture,
    /// Bytes of the file.
    pub file: u64,
    /// The same as apps are downloaded: deflated.
    pub compressed: u64,
    /// Bytes that are loaded, by what they are.
    pub sections: BTreeMap<&'static str, u64>,
    pub exports: BTreeSet<String>,
    pub imports: BTreeSet<String>,
    /// The least alignment of a loaded segment.
    pub alignment: u64,
    /// Whether there is a table of symbols that nothing at run time needs.
    pub has_symbols: bool,
}

impl Contents {
    pub fn read(file: &Path) -> Result<Self> {
        let data = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let object = object::File::parse(&*data).with_context(|| format!("{}", file.display()))?;
        let mut sections = BTreeMap::new();
        for section in object.sections() {
            let kind = match section.kind() {
                SectionKind::Text => "code",
                SectionKind::ReadOnlyData
                | SectionKind::ReadOnlyDataWithRel
                | SectionKind::ReadOnlyString => {
                    let name = section.name().unwrap_or_default();
                    if name.contains("eh_frame") || name.contains("except") || name.contains("unwind") {
                        "unwinding"
                    } else {
                        "constants"
                    }
                }
                SectionKind::Data | SectionKind::Tls => "data",
                SectionKind::Elf(_) | SectionKind::Metadata if is_loaded(&section) => "linking",
                _ => continue,
            };
            *sections.entry(kind).or_default() += section.size();
        }
        let name = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let exports = object.exports()?.iter().map(|e| name(e.name())).collect();
        let imports = match object.format() {
            // What is found only when it is loaded belongs to no library, which `imports` refuses.
            BinaryFormat::MachO => object.symbols().filter(ObjectSymbol::is_undefined).collect::<Vec<_>>(),
            _ => object.dynamic_symbols().filter(ObjectSymbol::is_undefined).collect(),
        };
        let imports = imports.iter().map(|s| Ok(name(s.name_bytes()?))).collect::<Result<_>>()?;
        let alignment = object.segments().map(|s| s.align()).min().unwrap_or(1);
        let has_symbols = object.symbol_table().is_some() && object.format() == BinaryFormat::Elf;
        let compressed = deflated(&data)?;
        let file = data.len() as u64;
        Ok(Self {
            architecture: object.architecture(),
            file,
            compressed,
            sections,
            exports,
            imports,
            alignment,
            has_symbols,
        })
    }
}

fn is_loaded<'a>(section: &impl ObjectSection<'a>) -> bool {
    section.address() != 0
}

/// Size of `data` after gzip, at the level that stores use.
fn deflated(data: &[u8]) -> Result<u64> {
    let mut gzip = Command::new("gzip");
    gzip.args(["-9", "--no-name", "--stdout"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = gzip.spawn().context("install gzip")?;
    let mut input = child.stdin.take().context("gzip has an input")?;
    let data = data.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&data));
    let output = child.wait_with_output()?;
    writer.join().map_err(|_| anyhow::anyhow!("writing to gzip failed"))??;
    if !output.status.success() {
        bail!("gzip failed");
    }
    Ok(output.stdout.len() as u64)
}
