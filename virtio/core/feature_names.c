/*
 * The names of feature bits. VirtIO 1.3 §6 (all devices), §5.1.3 network, §5.2.3 block, §5.3.3 console, §5.7.3 gpu;
 * entropy (§5.4) and input (§5.8) have none of their own. Each entry: the bit in two digits, the name, a NUL; an empty
 * entry ends the list. So no name takes more room than it needs.
 */
#include "virtio/core/internal.h"

static const char reserved_names[] = "24NOTIFY_ON_EMPTY\0"
                                     "27ANY_LAYOUT\0"
                                     "28INDIRECT_DESC\0"
                                     "29EVENT_IDX\0"
                                     "30LEGACY_UNUSED\0"
                                     "32VERSION_1\0"
                                     "33ACCESS_PLATFORM\0"
                                     "34RING_PACKED\0"
                                     "35IN_ORDER\0"
                                     "36ORDER_PLATFORM\0"
                                     "37SR_IOV\0"
                                     "38NOTIFICATION_DATA\0"
                                     "39NOTIF_CONFIG_DATA\0"
                                     "40RING_RESET\0"
                                     "41ADMIN_VQ\0";

static const char net_names[] = "00CSUM\0"
                                "01GUEST_CSUM\0"
                                "02CTRL_GUEST_OFFLOADS\0"
                                "03MTU\0"
                                "05MAC\0"
                                "06GSO\0"
                                "07GUEST_TSO4\0"
                                "08GUEST_TSO6\0"
                                "09GUEST_ECN\0"
                                "10GUEST_UFO\0"
                                "11HOST_TSO4\0"
                                "12HOST_TSO6\0"
                                "13HOST_ECN\0"
                                "14HOST_UFO\0"
                                "15MRG_RXBUF\0"
                                "16STATUS\0"
                                "17CTRL_VQ\0"
                                "18CTRL_RX\0"
                                "19CTRL_VLAN\0"
                                "20CTRL_RX_EXTRA\0"
                                "21GUEST_ANNOUNCE\0"
                                "22MQ\0"
                                "23CTRL_MAC_ADDR\0"
                                "51HASH_TUNNEL\0"
                                "52VQ_NOTF_COAL\0"
                                "53NOTF_COAL\0"
                                "54GUEST_USO4\0"
                                "55GUEST_USO6\0"
                                "56HOST_USO\0"
                                "57HASH_REPORT\0"
                                "59GUEST_HDRLEN\0"
                                "60RSS\0"
                                "61RSC_EXT\0"
                                "62STANDBY\0"
                                "63SPEED_DUPLEX\0";

static const char block_names[] = "00BARRIER\0"
                                  "01SIZE_MAX\0"
                                  "02SEG_MAX\0"
                                  "04GEOMETRY\0"
                                  "05RO\0"
                                  "06BLK_SIZE\0"
                                  "07SCSI\0"
                                  "09FLUSH\0"
                                  "10TOPOLOGY\0"
                                  "11CONFIG_WCE\0"
                                  "12MQ\0"
                                  "13DISCARD\0"
                                  "14WRITE_ZEROES\0"
                                  "15LIFETIME\0"
                                  "16SECURE_ERASE\0"
                                  "17ZONED\0";

static const char console_names[] = "00SIZE\0"
                                    "01MULTIPORT\0"
                                    "02EMERG_WRITE\0";

static const char gpu_names[] = "00VIRGL\0"
                                "01EDID\0"
                                "02RESOURCE_UUID\0"
                                "03RESOURCE_BLOB\0"
                                "04CONTEXT_INIT\0"
                                "05BLOB_ALIGNMENT\0";

/* The list of what only this kind of device has. */
static const char *
names_of(uint32_t device_id)
{
    switch (device_id) {
    case VIRTIO_ID_NET: return net_names;
    case VIRTIO_ID_BLOCK: return block_names;
    case VIRTIO_ID_CONSOLE: return console_names;
    case VIRTIO_ID_GPU: return gpu_names;
    default: return "";
    }
}

static const char *
find(const char *entry, unsigned bit)
{
    while (entry[0] != '\0') {
        if ((unsigned)(entry[0] - '0') * 10 + (unsigned)(entry[1] - '0') == bit) {
            return entry + 2;
        }
        while (*entry != '\0') {
            entry++;
        }
        entry++;
    }
    return NULL;
}

const char *
virtio_feature_name(uint32_t device_id, unsigned feature_bit)
{
    const char *name = find(reserved_names, feature_bit);
    return name != NULL ? name : find(names_of(device_id), feature_bit);
}
