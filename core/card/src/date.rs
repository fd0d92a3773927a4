//! A calendar date, as cards state it.
//! **Invariant:** a `Date` is a day that exists.
//! It does not know today: whoever asks passes it in.

use core::{fmt, str::FromStr};

use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};

/// A day of the Gregorian calendar. In a card: `2027-06-30`, with or without quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// A day; `None` where there is no such day.
    pub const fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        if day == 0 || day > days_in(year, month) { None } else { Some(Self { year, month, day }) }
    }

    /// The day that is `days` after 1 January 1970.
    ///
    /// # Source
    /// Hinnant, `civil_from_days` in chrono-compatible low-level date algorithms.
    pub const fn from_unix_days(days: u32) -> Self {
        let z = days + 719_468;
        let era = z / 146_097;
        let day_of_era = z % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153; // months from March
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        Self { year: year as u16, month: month as u8, day: day as u8 }
    }

    /// Days since 1 January 1970; negative before.
    ///
    /// # Source
    /// Hinnant, `days_from_civil`, as above.
    pub const fn unix_days(self) -> i32 {
        let year = self.year as i32 - if self.month <= 2 { 1 } else { 0 };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let shifted = (self.month as i32 + 9) % 12;
        let day_of_year = (153 * shifted + 2) / 5 + self.day as i32 - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }
}

/// Days of a month; 0 where there is no such month.
const fn days_in(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400) => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// Why a text is no date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date: write a day as 2027-06-30, without time")]
pub struct DateError;

impl TryFrom<toml::value::Datetime> for Date {
    type Error = DateError;

    fn try_from(at: toml::value::Datetime) -> Result<Self, DateError> {
        match at {
            toml::value::Datetime { date: Some(d), time: None, offset: None } => {
                Self::new(d.year, d.month, d.day).ok_or(DateError)
            }
            _ => Err(DateError),
        }
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Day;
        impl Visitor<'_> for Day {
            type Value = Date;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a day, as 2027-06-30")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Date, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Day)
    }
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        text.parse::<toml::value::Datetime>().map_err(|_| DateError)?.try_into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(Date::from_unix_days(0), Date::new(1970, 1, 1).unwrap());
        assert_eq!(Date::from_unix_days(20_636), Date::new(2026, 7, 2).unwrap());
        assert_eq!(Date::from_unix_days(11_016), Date::new(2000, 2, 29).unwrap());
        for (y, m, d) in
            [(2027, 2, 29), (2100, 2, 29), (2027, 13, 1), (2027, 0, 1), (2027, 4, 31), (2027, 1, 0)]
        {
            assert_eq!(Date::new(y, m, d), None, "{y}-{m}-{d}");
        }
    }

    #[test]
    fn a_text_is_read_as_it_is_written() {
        let date: Date = "2027-06-30".parse().unwrap();
        assert_eq!(date.to_string(), "2027-06-30");
        for text in ["2027-06-31", "2027-06-30T10:00:00", "10:00:00", "soon", ""] {
            assert_eq!(text.parse::<Date>(), Err(DateError), "{text}");
        }
    }

    #[test]
    fn each_day_follows_the_one_before() {
        for day in 1..60_000 {
            assert!(Date::from_unix_days(day - 1) < Date::from_unix_days(day), "{day}");
            assert_eq!(Date::from_unix_days(day).unix_days(), day as i32);
        }
    }
}
