/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/chip/news.h"

enum news_telling news_good(struct news *news, uint64_t now)
{
	if (news->troubles == NEWS_BURST && now - news->told_ms < NEWS_AGAIN_MS) {
		news->untold++;
		return NEWS_UNTOLD;
	}
	news->told_ms = now;
	return news->untold ? NEWS_TOLD_AGAIN : NEWS_TOLD;
}

enum news_telling news_trouble(struct news *news, uint64_t now)
{
	news_tick(news, now);
	news->trouble_ms = now;
	if (news->troubles == NEWS_BURST)
		return news_good(news, now);
	news->told_ms = now;
	return ++news->troubles < NEWS_BURST ? NEWS_TOLD : NEWS_TOLD_LAST;
}

unsigned news_untold(struct news *news)
{
	unsigned untold = news->untold;

	news->untold = 0;
	return untold;
}

uint64_t news_deadline(const struct news *news)
{
	return news->troubles ? news->trouble_ms + NEWS_QUIET_MS : 0;
}

bool news_tick(struct news *news, uint64_t now)
{
	bool untold = news->untold > 0;

	if (news->troubles == 0 || now < news_deadline(news))
		return false;
	*news = (struct news){.told_ms = now};
	return untold;
}
