#ifndef WIRE_CRC32_H
#define WIRE_CRC32_H
/*
 * crc32 - CRC-32 as in IEEE 802.3 (reflected 0xEDB88320): tells damage from forgery without a key
 */
#include <stddef.h>
#include <stdint.h>

#define WIRE_CRC32_START 0xFFFFFFFFu

/* Running value, for lines assembled from pieces: begin with WIRE_CRC32_START, complement at the end. */
uint32_t wire_crc32_update(uint32_t running, const void *src, size_t len);

uint32_t wire_crc32(const void *src, size_t len);

#endif
