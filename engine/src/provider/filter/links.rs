//! Addresses of pages: turned back to the gate, whoever they name.

/// The address at which a client gets what a link of the provider leads to; none where that is
/// not this API.
///
/// SECURITY: what follows the origin begins with one slash, so that `https://api.example.net` is
/// not the beginning of `https://api.example.net.other.example/`, and `//other.example/` no path
/// (test `a_link_never_leads_around_the_gate`).
pub(super) fn turned(origin: Option<&str>, gate: &str, link: &str) -> Option<String> {
    let path = match origin.and_then(|origin| link.strip_prefix(origin)) {
        Some(path) => path,
        None => link,
    };
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\');
    let is_path = path.starts_with('/') && !path.starts_with("//") && path.bytes().all(plain);
    is_path.then(|| format!("{gate}{path}"))
}

/// One link of a `link` header.
struct Link<'a> {
    /// Its address.
    address: &'a str,
    /// What it is to this page, such as `next`.
    rel: Option<&'a str>,
}

/// The header `link` (RFC 8288) turned back to the gate, and whether it names a next page; none
/// where it is not understood, or leads elsewhere.
///
/// Of a link's parameters `rel` alone goes on: others may have addresses of their own.
pub(super) fn header(origin: Option<&str>, gate: &str, value: &str) -> Option<(String, bool)> {
    let mut rest = value.trim();
    let mut out = String::with_capacity(value.len());
    let mut next = false;
    while !rest.is_empty() {
        let (link, after) = first(rest)?;
        rest = after;
        let address = turned(origin, gate, link.address)?;
        if !out.is_empty() {
            out.push_str(", ");
        }
        out.extend(["<", &address, ">"]);
        if let Some(rel) = link.rel {
            out.extend(["; rel=\"", rel, "\""]);
            next |= rel.split(' ').any(|word| word.eq_ignore_ascii_case("next"));
        }
    }
    Some((out, next))
}

/// The first link of a header, and what follows its comma.
fn first(value: &str) -> Option<(Link<'_>, &str)> {
    let (address, mut rest) = value.strip_prefix('<')?.split_once('>')?;
    let mut link = Link { address, rel: None };
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Some((link, rest));
        }
        if let Some(after) = rest.strip_prefix(',') {
            return Some((link, after.trim_start()));
        }
        let parameter = rest.strip_prefix(';')?.trim_start();
        let end = parameter.find(['=', ';', ','])?;
        let (key, after) = parameter.split_at_checked(end)?;
        let (text, after) = match after.strip_prefix('=') {
            None => ("", after),
            Some(after) => match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => after.split_at_checked(after.find([';', ',']).unwrap_or(after.len()))?,
            },
        };
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ' ');
        if key.trim_end().eq_ignore_ascii_case("rel") {
            link.rel = Some(text.trim()).filter(|text| text.chars().all(is_word));
            link.rel?;
        }
        rest = after;
    }
}
