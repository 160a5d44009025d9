# What runs beside a peer: the stand-in for /dev/udmabuf, which the peer's Venus server is started with.

peers_out := $(build)/peers/venus

## make peer-shim  build/peers/venus/fakeudmabuf.so, for tools/peers/venus_peer.py
.PHONY: peer-shim
peer-shim: $(peers_out)/fakeudmabuf.so

$(peers_out)/%.so: tests/peers/venus/%.c mk/50-peers.mk
	@mkdir -p $(@D)
	$(call say,LD)$(HOSTCC) $(common_cflags) -D_GNU_SOURCE -fPIC -shared $< -o $@ -ldl

-include $(wildcard $(peers_out)/*.d)
