/*
 * The names of feature bits. VirtIO 1.3 §6 (all devices), §5.1.3 network, §5.2.3 block, §5.3.3 console, §5.7.3 gpu;
 * entropy (§5.4) and input (§5.8) have none of their own.
 */
#include "virtio/core/internal.h"

enum { ANY = 0 };

static const struct {
    uint8_t id; /* VIRTIO_ID_*; ANY: reserved bits, the same for all */
    uint8_t bit;
    char name[22];
} features[] = {
    {ANY,                24, "NOTIFY_ON_EMPTY"    },
    { ANY,               27, "ANY_LAYOUT"         },
    { ANY,               28, "INDIRECT_DESC"      },
    { ANY,               29, "EVENT_IDX"          },
    { ANY,               30, "LEGACY_UNUSED"      },
    { ANY,               32, "VERSION_1"          },
    { ANY,               33, "ACCESS_PLATFORM"    },
    { ANY,               34, "RING_PACKED"        },
    { ANY,               35, "IN_ORDER"           },
    { ANY,               36, "ORDER_PLATFORM"     },
    { ANY,               37, "SR_IOV"             },
    { ANY,               38, "NOTIFICATION_DATA"  },
    { ANY,               39, "NOTIF_CONFIG_DATA"  },
    { ANY,               40, "RING_RESET"         },
    { ANY,               41, "ADMIN_VQ"           },
    { VIRTIO_ID_NET,     0,  "CSUM"               },
    { VIRTIO_ID_NET,     1,  "GUEST_CSUM"         },
    { VIRTIO_ID_NET,     2,  "CTRL_GUEST_OFFLOADS"},
    { VIRTIO_ID_NET,     3,  "MTU"                },
    { VIRTIO_ID_NET,     5,  "MAC"                },
    { VIRTIO_ID_NET,     6,  "GSO"                },
    { VIRTIO_ID_NET,     7,  "GUEST_TSO4"         },
    { VIRTIO_ID_NET,     8,  "GUEST_TSO6"         },
    { VIRTIO_ID_NET,     9,  "GUEST_ECN"          },
    { VIRTIO_ID_NET,     10, "GUEST_UFO"          },
    { VIRTIO_ID_NET,     11, "HOST_TSO4"          },
    { VIRTIO_ID_NET,     12, "HOST_TSO6"          },
    { VIRTIO_ID_NET,     13, "HOST_ECN"           },
    { VIRTIO_ID_NET,     14, "HOST_UFO"           },
    { VIRTIO_ID_NET,     15, "MRG_RXBUF"          },
    { VIRTIO_ID_NET,     16, "STATUS"             },
    { VIRTIO_ID_NET,     17, "CTRL_VQ"            },
    { VIRTIO_ID_NET,     18, "CTRL_RX"            },
    { VIRTIO_ID_NET,     19, "CTRL_VLAN"          },
    { VIRTIO_ID_NET,     20, "CTRL_RX_EXTRA"      },
    { VIRTIO_ID_NET,     21, "GUEST_ANNOUNCE"     },
    { VIRTIO_ID_NET,     22, "MQ"                 },
    { VIRTIO_ID_NET,     23, "CTRL_MAC_ADDR"      },
    { VIRTIO_ID_NET,     51, "DEVICE_STATS"       },
    { VIRTIO_ID_NET,     52, "VQ_NOTF_COAL"       },
    { VIRTIO_ID_NET,     53, "NOTF_COAL"          },
    { VIRTIO_ID_NET,     54, "GUEST_USO4"         },
    { VIRTIO_ID_NET,     55, "GUEST_USO6"         },
    { VIRTIO_ID_NET,     56, "HOST_USO"           },
    { VIRTIO_ID_NET,     57, "HASH_REPORT"        },
    { VIRTIO_ID_NET,     59, "GUEST_HDRLEN"       },
    { VIRTIO_ID_NET,     60, "RSS"                },
    { VIRTIO_ID_NET,     61, "RSC_EXT"            },
    { VIRTIO_ID_NET,     62, "STANDBY"            },
    { VIRTIO_ID_NET,     63, "SPEED_DUPLEX"       },
    { VIRTIO_ID_BLOCK,   0,  "BARRIER"            },
    { VIRTIO_ID_BLOCK,   1,  "SIZE_MAX"           },
    { VIRTIO_ID_BLOCK,   2,  "SEG_MAX"            },
    { VIRTIO_ID_BLOCK,   4,  "GEOMETRY"           },
    { VIRTIO_ID_BLOCK,   5,  "RO"                 },
    { VIRTIO_ID_BLOCK,   6,  "BLK_SIZE"           },
    { VIRTIO_ID_BLOCK,   7,  "SCSI"               },
    { VIRTIO_ID_BLOCK,   9,  "FLUSH"              },
    { VIRTIO_ID_BLOCK,   10, "TOPOLOGY"           },
    { VIRTIO_ID_BLOCK,   11, "CONFIG_WCE"         },
    { VIRTIO_ID_BLOCK,   12, "MQ"                 },
    { VIRTIO_ID_BLOCK,   13, "DISCARD"            },
    { VIRTIO_ID_BLOCK,   14, "WRITE_ZEROES"       },
    { VIRTIO_ID_BLOCK,   15, "LIFETIME"           },
    { VIRTIO_ID_BLOCK,   16, "SECURE_ERASE"       },
    { VIRTIO_ID_BLOCK,   17, "ZONED"              },
    { VIRTIO_ID_CONSOLE, 0,  "SIZE"               },
    { VIRTIO_ID_CONSOLE, 1,  "MULTIPORT"          },
    { VIRTIO_ID_CONSOLE, 2,  "EMERG_WRITE"        },
    { VIRTIO_ID_GPU,     0,  "VIRGL"              },
    { VIRTIO_ID_GPU,     1,  "EDID"               },
    { VIRTIO_ID_GPU,     2,  "RESOURCE_UUID"      },
    { VIRTIO_ID_GPU,     3,  "RESOURCE_BLOB"      },
    { VIRTIO_ID_GPU,     4,  "CONTEXT_INIT"       },
    { VIRTIO_ID_GPU,     5,  "BLOB_ALIGNMENT"     },
};

const char *
virtio_feature_name(uint32_t device_id, unsigned feature_bit)
{
    for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
        bool is_for_kind = features[i].id == ANY || features[i].id == device_id;
        if (is_for_kind && features[i].bit == feature_bit) {
            return features[i].name;
        }
    }
    return NULL;
}
