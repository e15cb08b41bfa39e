//! Properties, shared data, metrics, logs, time and foreign functions.

use crate::abi::{LogLevel, Status};
use crate::facts;
use crate::fault::Fault;
use crate::memory::{Answer, Guest, Stop, hand_over, read, write_u32, write_u64};
use crate::properties::split_path;

/// `proxy_get_property`: a fact about the request, the connection or the plugin.
pub(super) fn get_property(
    guest: &mut Guest<'_>,
    path: u32,
    path_length: u32,
    pointer: u32,
    length: u32,
) -> Answer {
    let path = split_path(&read(guest, path, path_length)?);
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let value = facts::property(guest.data_mut(), &path)?;
    hand_over(guest, &value, pointer, length)
}

/// `proxy_set_property`: writes filter state, under the prefix `wasm.`.
pub(super) fn set_property(
    guest: &mut Guest<'_>,
    path: u32,
    path_length: u32,
    value: u32,
    value_length: u32,
) -> Answer {
    let path = read(guest, path, path_length)?;
    let value = read(guest, value, value_length)?;
    let stream = guest.data_mut().stream().ok_or(Status::NotFound)?;
    stream.filter_state.insert(format!("wasm.{}", String::from_utf8_lossy(&path)), value);
    Ok(())
}

/// `proxy_get_shared_data`: a shared value and its number.
pub(super) fn get_shared(
    guest: &mut Guest<'_>,
    key: u32,
    key_length: u32,
    pointer: u32,
    length: u32,
    number_at: u32,
) -> Answer {
    let key = read(guest, key, key_length)?;
    let (value, number) = guest.data().config.shared_data.get(&key).ok_or(Status::NotFound)?;
    hand_over(guest, &value, pointer, length)?;
    write_u32(guest, number_at, number)
}

/// `proxy_set_shared_data`: writes a shared value, if its number is still the expected one.
pub(super) fn set_shared(
    guest: &mut Guest<'_>,
    key: u32,
    key_length: u32,
    value: u32,
    value_length: u32,
    expected: u32,
) -> Answer {
    let (key, value) = (read(guest, key, key_length)?, read(guest, value, value_length)?);
    Ok(guest.data().config.shared_data.set(&key, &value, expected)?)
}

/// `proxy_log`: a log line.
pub(super) fn log(guest: &mut Guest<'_>, level: u32, text: u32, length: u32) -> Answer {
    let level = LogLevel::from_number(level).ok_or(Status::BadArgument)?;
    let text = read(guest, text, length)?;
    guest.data_mut().log(level, &text);
    Ok(())
}

/// `proxy_get_log_level`: the level below which lines are dropped.
pub(super) fn log_level(guest: &mut Guest<'_>, out: u32) -> Answer {
    let level = guest.data().config.log_level.number();
    write_u32(guest, out, level)
}

/// `proxy_get_current_time_nanoseconds`: what the test's clock shows.
pub(super) fn time(guest: &mut Guest<'_>, out: u32) -> Answer {
    let now = guest.data().time_ns;
    write_u64(guest, out, now)
}

/// `proxy_set_tick_period_milliseconds`: asks for ticks, which the test then gives.
#[expect(clippy::unnecessary_wraps, reason = "every host function has this shape")]
pub(super) fn set_tick(guest: &mut Guest<'_>, period_ms: u32) -> Answer {
    guest.data_mut().tick_ms = period_ms;
    Ok(())
}

/// `proxy_call_foreign_function`: a function of the proxy, by name.
pub(super) fn foreign(
    guest: &mut Guest<'_>,
    name: u32,
    name_length: u32,
    arguments: u32,
    arguments_length: u32,
    pointer: u32,
    length: u32,
) -> Answer {
    let name = String::from_utf8_lossy(&read(guest, name, name_length)?).into_owned();
    let arguments = read(guest, arguments, arguments_length)?;
    let result = match guest.data().config.foreign_functions.get(&name) {
        Some(function) => function(&arguments)?,
        None if name == "clear_route_cache" => {
            match guest.data_mut().stream() {
                Some(stream) => stream.route_clears += 1,
                None => guest.data_mut().faults.push(Fault::NoStream { call: "clear_route_cache" }),
            }
            Vec::new()
        }
        None => return Err(Stop::Status(Status::NotFound)),
    };
    if pointer == 0 || length == 0 {
        return Ok(());
    }
    hand_over(guest, &result, pointer, length)
}

/// `proxy_define_metric`: a new id for a metric.
pub(super) fn define_metric(
    guest: &mut Guest<'_>,
    kind: u32,
    name: u32,
    name_length: u32,
    out: u32,
) -> Answer {
    let name = String::from_utf8_lossy(&read(guest, name, name_length)?).into_owned();
    let id = guest.data_mut().metrics.define(kind, &name)?;
    write_u32(guest, out, id)
}

/// `proxy_increment_metric`: adds to a counter or a gauge.
pub(super) fn increment_metric(guest: &mut Guest<'_>, id: u32, by: i64) -> Answer {
    Ok(guest.data_mut().metrics.increment(id, by)?)
}

/// `proxy_record_metric`: sets a gauge, notes a value in a histogram, adds to a counter.
pub(super) fn record_metric(guest: &mut Guest<'_>, id: u32, value: u64) -> Answer {
    Ok(guest.data_mut().metrics.record(id, value)?)
}

/// `proxy_get_metric`: the value of a counter or a gauge.
pub(super) fn get_metric(guest: &mut Guest<'_>, id: u32, out: u32) -> Answer {
    let value = guest.data_mut().metrics.read(id)?;
    write_u64(guest, out, value)
}
