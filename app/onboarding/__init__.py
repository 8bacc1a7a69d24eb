"""An owner answers three forms behind a link: who, which solutions and terms, which prices."""
