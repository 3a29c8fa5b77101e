/* samples: the firm and the records shown in gateway/record/README.md, and random ones. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "record/record.h"

#define SAMPLE_USCC "91140100MA0KQ8UR0T"

static inline date_day day(const char *text)
{
    date_day out = DATE_NONE;
    assert_true(date_parse(bytes_str(text), &out));
    return out;
}

static inline int64_t moment(const char *text)
{
    int64_t out = 0;
    assert_true(time_parse(bytes_str(text), &out));
    return out;
}

static inline void sample_grant(struct record *r)
{
    record_init(r, RECORD_CERTIFICATION);
    r->seq = 1234;
    r->time_ms = moment("2026-03-02T09:30:00.250+08:00");
    r->actor = (struct actor){ACTOR_SOURCE, "bureau-sx"};
    r->origin = "run-17";
    r->uscc = SAMPLE_USCC;
    r->rules = "2026-1";
    r->action = CERT_GRANT;
    r->source = "bureau-sx";
    r->list_version = "2026-11";
    r->row.name = "山西示例科技有限公司";
    r->row.region_code = "140105";
    r->row.industry_code = "C2669";
    r->row.scale = "3";
    r->row.level = "省级";
    r->row.batch = "2026-1";
    r->row.document_no = "晋民营发〔2026〕1号";
    r->row.valid_from = day("2026-03-01");
    r->row.valid_until = day("2027-02-28");
    for (size_t i = 0; i < 32; i++)
        r->row_digest[i] = (uint8_t)i;
    r->listing.status = LISTING_LISTED;
    r->listing.lane = LANE_PRIORITY;
    r->listing.reasons[0] = REASON_CERTIFIED;
    r->listing.reason_n = 1;
    r->listing.since = r->listing.listed_since = day("2026-03-02");
    r->listing.valid_until = day("2027-02-28");
}

static inline void sample_exclusion(struct record *r)
{
    record_init(r, RECORD_EXCLUSION);
    r->seq = 2001;
    r->time_ms = moment("2026-05-06T08:00:00+08:00");
    r->actor = (struct actor){ACTOR_PARTNER, "onestop-sx"};
    r->uscc = SAMPLE_USCC;
    r->rules = "2026-1";
    r->exclusion.ground = GROUND_ABNORMAL_OPERATION;
    r->exclusion.imposed_by = "onestop-sx";
    r->exclusion.document_no = "〔2026〕7号";
    r->exclusion.effective = day("2026-05-06");
    r->exclusion.until = day("2026-11-05");
    r->from = LISTING_LISTED;
    r->listing.status = LISTING_SUSPENDED;
    r->listing.lane = LANE_PRIORITY;
    r->listing.reasons[0] = REASON_EXCLUSION;
    r->listing.reason_n = 1;
    r->listing.since = day("2026-05-06");
    r->listing.listed_since = day("2026-03-02");
    r->listing.valid_until = day("2027-02-28");
}

static inline void sample_credit(struct record *r)
{
    record_init(r, RECORD_CREDIT);
    r->seq = 2101;
    r->time_ms = moment("2026-06-02T16:20:00+08:00");
    r->actor = (struct actor){ACTOR_PARTNER, "bank-a"};
    r->origin = "bank-a/cr-20260602-1";
    r->uscc = SAMPLE_USCC;
    r->credit.event = CREDIT_DRAWDOWN;
    r->credit.credit_no = "SX-2026-0017";
    r->credit.loan_no = "JJ-2026-0031";
    r->credit.amount_fen = 500000000;
    r->credit.rate_bp = 345;
    r->credit.date = day("2026-06-01");
    r->credit.due = day("2027-05-31");
    r->credit.pledge_no = "Y2026140000123";
}

static inline void sample_pledge(struct record *r)
{
    record_init(r, RECORD_PLEDGE);
    r->seq = 2090;
    r->time_ms = moment("2026-05-28T11:00:00+08:00");
    r->actor = (struct actor){ACTOR_PARTNER, "registry-ty"};
    r->origin = "registry-ty/pl-88";
    r->pledge.registration_no = "Y2026140000123";
    r->pledge.event = PLEDGE_REGISTERED;
    r->pledge.state = PLEDGE_IS_LIVE;
    r->pledge.right_kind = RIGHT_PATENT;
    r->pledge.date = day("2026-05-27");
    r->pledge.pledgee_name = "示例银行太原分行";
    r->pledge.secured_fen = 800000000;
    r->pledge.pledgors = "[{\"uscc\":\"" SAMPLE_USCC "\",\"name\":\"山西示例科技有限公司\"}]";
    r->pledge.rights = "[{\"number\":\"2020101234563\",\"title\":\"一种示例装置\"}]";
}

static inline void sample_firm(struct firm *firm)
{
    static struct record grant, exclusion;
    sample_grant(&grant);
    sample_exclusion(&exclusion);
    firm_init(firm, SAMPLE_USCC);
    firm_apply(firm, &grant);
    firm_apply(firm, &exclusion);
}

#endif
