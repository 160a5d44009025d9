"""What a person does to windows on an X server without a screen, through libX11."""

import ctypes
import ctypes.util

from venus.screen import Screen
from vitrine_test.suite import Failed

KEY_PRESS, KEY_RELEASE, CLIENT_MESSAGE = 2, 3, 33
KEY_MS = 100  # SDL takes a key that comes again at once for one that repeats
KEY_MASK = 3  # who asked for keys that go down, and up
SIDE_PX = 1024

# A window may go while it is asked for its title; the library's own handler would end this whole process.
ErrorHandler = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
on_error = ErrorHandler(lambda _display, _event: 0)


class ClientMessage(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send_event", ctypes.c_int), ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong), ("message_type", ctypes.c_ulong), ("format", ctypes.c_int), ("data", ctypes.c_long * 5),
        ("rest", ctypes.c_byte * 192),
    ]


class KeyEvent(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send_event", ctypes.c_int), ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong), ("root", ctypes.c_ulong), ("subwindow", ctypes.c_ulong), ("time", ctypes.c_ulong),
        ("position", ctypes.c_int * 4), ("state", ctypes.c_uint), ("keycode", ctypes.c_uint), ("same_screen", ctypes.c_int),
        ("rest", ctypes.c_byte * 192),
    ]


class Display(Screen):
    """`with Display() as x`: x.environment is for programs that open windows on it."""

    def __init__(self):
        super().__init__(SIDE_PX)
        self.x, self.display, self.root = None, None, None
        self.time_ms = 0

    def __enter__(self):
        super().__enter__()
        self.environment.update(SDL_VIDEODRIVER="x11", XAUTHORITY="/nonexistent")
        self.x = ctypes.CDLL(ctypes.util.find_library("X11"))
        self.x.XSetErrorHandler(on_error)
        self.x.XOpenDisplay.restype = ctypes.c_void_p
        self.x.XDefaultRootWindow.restype = ctypes.c_ulong
        self.x.XInternAtom.restype = ctypes.c_ulong
        self.display = ctypes.c_void_p(self.x.XOpenDisplay(self.environment["DISPLAY"].encode()))
        if not self.display:
            self.__exit__()
            raise Failed("no connection to Xvfb")
        self.root = ctypes.c_ulong(self.x.XDefaultRootWindow(self.display))
        return self

    def __exit__(self, *why):
        if self.display:
            self.x.XCloseDisplay(self.display)
        super().__exit__(*why)

    def _geometry(self, window):
        root, x, y = ctypes.c_ulong(), ctypes.c_int(), ctypes.c_int()
        numbers = [ctypes.c_uint() for _ in range(4)]
        self.x.XGetGeometry(self.display, ctypes.c_ulong(window), ctypes.byref(root), ctypes.byref(x), ctypes.byref(y),
                            *[ctypes.byref(n) for n in numbers])
        return x.value, y.value, numbers[0].value, numbers[1].value

    def windows(self):
        """title -> (id, x, y, width, height) of each window that has a title."""
        root, parent, count = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_uint()
        children = ctypes.POINTER(ctypes.c_ulong)()
        self.x.XQueryTree(self.display, self.root, ctypes.byref(root), ctypes.byref(parent), ctypes.byref(children), ctypes.byref(count))
        found = {}
        for window in [children[i] for i in range(count.value)]:
            title = ctypes.c_char_p()
            if self.x.XFetchName(self.display, ctypes.c_ulong(window), ctypes.byref(title)) and title.value:
                found[title.value.decode()] = (window, *self._geometry(window))
        return found

    def key(self, window, keysym, is_down):
        """A key of the keyboard, to a window."""
        code = self.x.XKeysymToKeycode(self.display, ctypes.c_ulong(keysym))
        self.time_ms += KEY_MS
        event = KeyEvent(type=KEY_PRESS if is_down else KEY_RELEASE, window=window, root=self.root.value, same_screen=1, keycode=code,
                         time=self.time_ms)
        self.x.XSendEvent(self.display, ctypes.c_ulong(window), 0, ctypes.c_long(KEY_MASK), ctypes.byref(event))
        self.x.XSync(self.display, 0)

    def resize(self, window, width, height):
        self.x.XResizeWindow(self.display, ctypes.c_ulong(window), width, height)
        self.x.XSync(self.display, 0)

    def close(self, window):
        """What a window manager's cross does."""
        protocols = self.x.XInternAtom(self.display, b"WM_PROTOCOLS", 0)
        event = ClientMessage(type=CLIENT_MESSAGE, window=window, message_type=protocols, format=32)
        event.data[0] = self.x.XInternAtom(self.display, b"WM_DELETE_WINDOW", 0)
        self.x.XSendEvent(self.display, ctypes.c_ulong(window), 0, ctypes.c_long(0), ctypes.byref(event))
        self.x.XSync(self.display, 0)

    def pixels(self, x, y, width, height):
        """Rows of RGB bytes of a part of the screen."""
        picture, rows = self.picture(), []
        for row in range(y, y + height):
            line = picture[(row * SIDE_PX + x) * 4:(row * SIDE_PX + x + width) * 4]
            rows.append(bytes(b for i in range(0, len(line), 4) for b in (line[i + 2], line[i + 1], line[i])))
        return rows
