/** Words of DuckDB's SQL: keywords, types and common functions with their arguments and result types. */

/** Keywords that are offered. RESERVED has those that cannot be names without quotes. */
export const KEYWORDS: readonly string[] =
  "select|from|where|group by|order by|having|qualify|limit|offset|join|left join|right join|full join|inner join|cross join|asof join|semi join|anti join|positional join|lateral|on|using|as|and|or|not|in|is null|is not null|between|like|ilike|similar to|glob|exists|case|when|then|else|end|distinct|distinct on|all|union|union all|union by name|union all by name|intersect|except|with|with recursive|values|over|partition by|rows between|range between|unbounded preceding|unbounded following|current row|preceding|following|window|filter|within group|asc|desc|nulls first|nulls last|exclude|replace|columns|rename|cast|try_cast|interval|date|timestamp|true|false|null|pivot|unpivot|tablesample|collate|any|some|unnest|grouping sets|rollup|cube|materialized|ordinality|escape|isnull|notnull|extract|at time zone".split(
    "|",
  );

const COLOURED = new Set(
  [
    ...KEYWORDS.flatMap((words) => words.split(" ")),
    ..."summarize describe show set to ordinality outer natural recursive fetch only for default groups respect ignore nulls within partition first last row rows range sets name by sample".split(
      " ",
    ),
  ].filter(
    // Words that are mostly used as columns and functions.
    (word) =>
      ![
        "date",
        "timestamp",
        "name",
        "columns",
        "row",
        "first",
        "last",
        "rename",
        "sample",
        "unnest",
        "glob",
        "zone",
        "time",
        "at",
      ].includes(word),
  ),
);

const TYPES = new Set(
  "bigint binary bit blob bool boolean bytea char date datetime dec decimal double enum float float4 float8 hugeint int int1 int2 int4 int8 integer interval json list long map numeric real short signed smallint string struct text time timestamp timestamptz timetz tinyint ubigint uhugeint uinteger union usmallint utinyint uuid varbinary varchar".split(
    " ",
  ),
);

export const TYPE_OPTIONS: readonly string[] = [
  "bigint",
  "blob",
  "boolean",
  "date",
  "decimal",
  "double",
  "float",
  "hugeint",
  "integer",
  "interval",
  "json",
  "smallint",
  "time",
  "timestamp",
  "timestamptz",
  "tinyint",
  "ubigint",
  "uinteger",
  "uuid",
  "varchar",
];

const RESERVED = new Set(
  "all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create default deferrable desc describe distinct do else end except false fetch for foreign from group having in initially intersect into lambda lateral leading limit not null offset on only or order pivot pivot_longer pivot_wider placing primary qualify references returning select show some summarize symmetric table then to trailing true union unique unpivot using variadic when where window with anti asof authorization between exists glob ilike inner is isnull join left like natural notnull outer overlaps positional right semi similar tablesample tuple full cross".split(
    " ",
  ),
);

export const isKeyword = (word: string): boolean => COLOURED.has(word.toLowerCase());
export const isType = (word: string): boolean => TYPES.has(word.toLowerCase());

/** Returns a name as SQL needs it: in quotes if it is no plain word or is reserved. */
export function quoted(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !RESERVED.has(name.toLowerCase())
    ? name
    : `"${name.replaceAll('"', '""')}"`;
}

export interface SqlFunction {
  readonly name: string;
  readonly args: string;
  readonly gives: string;
  readonly kind: "aggregate" | "scalar" | "window" | "table";
}

// Format: name(arguments) type; arguments in [..] are optional.
const AGGREGATES = `
any_value(value) any
approx_count_distinct(value) bigint
approx_quantile(value, fraction) double
arg_max(value, by[, n]) any
arg_min(value, by[, n]) any
array_agg(value [order by ..]) list
avg(number) double
bit_and(integer) integer
bit_or(integer) integer
bool_and(condition) boolean
bool_or(condition) boolean
corr(y, x) double
count(*) bigint
count_if(condition) bigint
covar_pop(y, x) double
covar_samp(y, x) double
entropy(value) double
first(value [order by ..]) any
histogram(value[, bins]) map
kurtosis(number) double
last(value [order by ..]) any
list(value [order by ..]) list
mad(value) any
max(value[, n]) any
max_by(value, by[, n]) any
mean(number) double
median(value) any
min(value[, n]) any
min_by(value, by[, n]) any
mode(value) any
product(number) double
quantile_cont(value, fraction) any
quantile_disc(value, fraction) any
regr_intercept(y, x) double
regr_r2(y, x) double
regr_slope(y, x) double
skewness(number) double
stddev(number) double
stddev_pop(number) double
string_agg(text, separator [order by ..]) varchar
sum(number) number
var_pop(number) double
variance(number) double`;

const WINDOWS = `
cume_dist() double
dense_rank() bigint
first_value(value) any
lag(value[, offset, default]) any
last_value(value) any
lead(value[, offset, default]) any
nth_value(value, n) any
ntile(buckets) bigint
percent_rank() double
rank() bigint
row_number() bigint`;

const TABLES = `
generate_series(start, stop[, step]) table
range(start, stop[, step]) table
unnest(list) rows`;

const SCALARS = `
abs(number) number
acos(number) double
age(timestamp[, timestamp]) interval
array_contains(list, value) boolean
array_length(list) bigint
asin(number) double
atan(number) double
atan2(y, x) double
bar(value, min, max[, width]) varchar
base64(blob) varchar
cbrt(number) double
ceil(number) number
chr(code) varchar
coalesce(value, ..) any
concat(value, ..) varchar
concat_ws(separator, text, ..) varchar
contains(text, part) boolean
cos(number) double
current_date date
damerau_levenshtein(text, text) bigint
date_add(date, interval) timestamp
date_diff(part, start, end) bigint
date_part(part, timestamp) bigint
date_sub(part, start, end) bigint
date_trunc(part, timestamp) timestamp
datediff(part, start, end) bigint
datetrunc(part, timestamp) timestamp
day(date) bigint
dayname(date) varchar
dayofmonth(date) bigint
dayofweek(date) bigint
dayofyear(date) bigint
degrees(number) double
encode(text) blob
ends_with(text, end) boolean
epoch(timestamp) double
epoch_ms(timestamp) bigint
exp(number) double
flatten(list) list
floor(number) number
format(format, value, ..) varchar
format_bytes(bytes) varchar
from_base64(text) blob
from_json(json, structure) any
gcd(integer, integer) integer
greatest(value, ..) any
hash(value, ..) ubigint
hour(timestamp) bigint
if(condition, then, else) any
ifnull(value, otherwise) any
instr(text, part) bigint
isfinite(number) boolean
isinf(number) boolean
isnan(number) boolean
isodow(date) bigint
jaccard(text, text) double
jaro_winkler_similarity(text, text) double
json_array_length(json[, path]) ubigint
json_extract(json, path) json
json_extract_string(json, path) varchar
json_keys(json[, path]) list
json_object(key, value, ..) json
json_type(json[, path]) varchar
json_valid(text) boolean
last_day(date) date
lcm(integer, integer) integer
least(value, ..) any
left(text, count) varchar
len(value) bigint
length(value) bigint
levenshtein(text, text) bigint
list_aggregate(list, function) any
list_contains(list, value) boolean
list_distinct(list) list
list_extract(list, index) any
list_filter(list, lambda x: ..) list
list_position(list, value) integer
list_reduce(list, lambda x, y: ..) any
list_slice(list, from, to) list
list_sort(list[, order, nulls]) list
list_sum(list) number
list_transform(list, lambda x: ..) list
list_unique(list) ubigint
list_value(value, ..) list
ln(number) double
log(number) double
log10(number) double
log2(number) double
lower(text) varchar
lpad(text, count, fill) varchar
ltrim(text[, characters]) varchar
make_date(year, month, day) date
make_time(hour, minute, seconds) time
make_timestamp(year, month, day, hour, minute, seconds) timestamp
map(keys, values) map
map_entries(map) list
map_extract(map, key) list
map_keys(map) list
map_values(map) list
md5(text) varchar
microsecond(timestamp) bigint
millisecond(timestamp) bigint
minute(timestamp) bigint
mod(number, divisor) number
month(date) bigint
monthname(date) varchar
now() timestamptz
nullif(value, value) any
ord(text) integer
parse_filename(path[, trim_extension]) varchar
pi() double
position(part in text) bigint
pow(number, exponent) double
printf(format, value, ..) varchar
quarter(date) bigint
radians(number) double
random() double
regexp_extract(text, pattern[, group]) varchar
regexp_extract_all(text, pattern[, group]) list
regexp_full_match(text, pattern) boolean
regexp_matches(text, pattern) boolean
regexp_replace(text, pattern, replacement[, options]) varchar
repeat(text, count) varchar
replace(text, from, to) varchar
reverse(text) varchar
right(text, count) varchar
round(number[, digits]) number
row(value, ..) struct
rpad(text, count, fill) varchar
rtrim(text[, characters]) varchar
second(timestamp) bigint
sha256(text) varchar
sign(number) tinyint
sin(number) double
split_part(text, separator, index) varchar
sqrt(number) double
starts_with(text, start) boolean
strftime(timestamp, format) varchar
string_split(text, separator) list
string_split_regex(text, pattern) list
strip_accents(text) varchar
strlen(text) bigint
strptime(text, format) timestamp
struct_extract(struct, name) any
struct_pack(name := value, ..) struct
substring(text, start[, length]) varchar
tan(number) double
time_bucket(width, timestamp[, origin]) timestamp
timezone(zone, timestamp) timestamp
to_days(count) interval
to_hours(count) interval
to_json(value) json
to_minutes(count) interval
to_months(count) interval
to_seconds(count) interval
to_timestamp(seconds) timestamptz
to_years(count) interval
today() date
translate(text, from, to) varchar
trim(text[, characters]) varchar
trunc(number) number
try_strptime(text, format) timestamp
typeof(value) varchar
unicode(text) integer
upper(text) varchar
url_decode(text) varchar
url_encode(text) varchar
uuid() uuid
week(date) bigint
weekday(date) bigint
weekofyear(date) bigint
year(date) bigint
yearweek(date) bigint`;

const read = (list: string, kind: SqlFunction["kind"]): SqlFunction[] =>
  list
    .trim()
    .split("\n")
    .map((line) => {
      const found = /^(\w+)(\(.*\))? (\w+)$/.exec(line);
      return { name: found?.[1] ?? "", args: found?.[2] ?? "", gives: found?.[3] ?? "", kind };
    });

export const FUNCTIONS: readonly SqlFunction[] = [
  ...read(AGGREGATES, "aggregate"),
  ...read(WINDOWS, "window"),
  ...read(TABLES, "table"),
  ...read(SCALARS, "scalar"),
];
