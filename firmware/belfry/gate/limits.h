#ifndef BELFRY_GATE_LIMITS_H
#define BELFRY_GATE_LIMITS_H
/*
 * limits - how much a stranger, and how much an agent, may ask of the gate
 *
 * All memory of the gate follows from these. Connections are numbered so that the remainder by GATE_PEERS is
 * another one for each that is open.
 */
#define GATE_CONNS 1024     /* connections that have proved who they are, at a time */
#define GATE_HANDSHAKES 256 /* handshakes under way */
#define GATE_PEERS (GATE_CONNS + GATE_HANDSHAKES)
#define GATE_PER_ADDRESS 16 /* of them from one address (IPv6: from one /64) */
#define GATE_HANDSHAKE_MS 5000
/* How old a handshake has to be to make room for another one: one of several of its address, and any. */
#define GATE_OLD_KIN_MS 250
#define GATE_OLD_MS 2000
#define GATE_HELLO_BYTES 16384 /* a handshake that sends more is none of ours */
#define GATE_BACKLOG 1024
#define GATE_ACCEPTS 16 /* a turn of the loop, between which all that are connected are served */

#define GATE_FLIGHT 256   /* lines of one connection that belfry has not judged */
#define GATE_LINES_S 2000 /* lines a second of one connection, in the long run; more wait in its socket */
#define GATE_LINES_BURST 4000
#define GATE_SAY_BYTES 8192      /* that a peer has not read; then it is closed */
#define GATE_SILENT_MS 185000    /* three check-ins of the longest kind and five seconds */
#define GATE_RECEIVE_BYTES 65536 /* of the kernel's buffers, of each connection */
#define GATE_SEND_BYTES 32768
#define GATE_CLOSE_MS 2000 /* how long a connection that we end may take over it */

#endif
