// The aggregates in the box.
//
//   count()                         records                              int64
//   sum(field)                      integers wrap around modulo 2^64     int64, uint64, double, duration
//   mean(field)                                                          double
//   min(field), max(field)                                               the field's type
//   first(), first(field)           by event time                        the record, the field
//   last(), last(field)             by event time                        the record, the field
//   top_n(n, field or less)         greatest first                       std::vector of records
//   collect(), collect(field)       in the order of arrival              std::vector of records, of fields
//   count_distinct(field)           exactly                              int64
//   approx_distinct(field)          within about 1 %                     uint64
//   quantile(field, q)              within 0.5 % of the value            double
//   quantiles(field, {q, ...})                                           std::vector<double>
//   all_of(aggregate, ...)          several in one pass                  std::tuple of their results
//   filtered(predicate, aggregate)  of some records alone                the aggregate's, or an optional of it
//
// A field is a pointer to a data member or a function of the record. The engine never asks for the result of no record,
// and filtered() only where it means something.
#pragma once

#include "millstream/window/all_of.hpp"
#include "millstream/window/collecting_aggregates.hpp"
#include "millstream/window/count_distinct.hpp"
#include "millstream/window/filtered.hpp"
#include "millstream/window/numeric_aggregates.hpp"
#include "millstream/window/sketch_aggregates.hpp"
