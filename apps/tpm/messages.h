/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids of the messages that a program may look for in the journal; listed in pluton-tpmd(8). An id
 * is never used for another message.
 */
#ifndef PLUTON_TPMD_MESSAGES_H
#define PLUTON_TPMD_MESSAGES_H

#define TPMD_ID_MANUFACTURED "e828244064fb4ba3ae4750dc7b8154e0"
#define TPMD_ID_POWERED_ON "e1dbfffadc5744b29428f3cebba5afd6"
#define TPMD_ID_RESUMED "d5425227239f4f2e95d87cd34eb150eb"
#define TPMD_ID_POWERED_OFF "e71c9267b9314c35a3f625cb82103d49"
#define TPMD_ID_POWER_LOST "a57c6d8264c844db905e7d12691e84b5"
#define TPMD_ID_REFUSED "779670d54faf464194ac6ee787279dd1"
#define TPMD_ID_NO_SNAPSHOT "661496fc9a9744d581d854d7b7660187"
#define TPMD_ID_FAILED "a3aed318ae9a4f76b1e61c51ad4d79c5"
#define TPMD_ID_NOT_STORED "61e19337c82b4e3c9f3d756c3c1d1921"
#define TPMD_ID_STORE_FAILS "cfca510cd14349d0a5b71dbb90043d7e"
#define TPMD_ID_STORE_WORKS "d65d637c96564033a1f55dad3d4aee8d"

#endif
