#ifndef CMD_CHANNELS_H
#define CMD_CHANNELS_H
/*
 * channels - words about channels for people
 */

/* Why a channel is lost: the wire's word, or the error when it gave none. */
const char *channel_why(const char *word, int error);

#endif
