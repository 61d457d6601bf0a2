"""Typed configurations from YAML files and command lines, on jsonargparse; every mistake is one `InputError`."""

from jsarag.parsing.choice import CHOICES as CHOICES
from jsarag.parsing.choice import INDEX as INDEX
from jsarag.parsing.choice import OBJECTIVE as OBJECTIVE
from jsarag.parsing.choice import Choice as Choice
from jsarag.parsing.load import load_config as load_config
from jsarag.parsing.load import load_run as load_run
from jsarag.parsing.parser import Parser as Parser
from jsarag.parsing.settings import SettingsFile as SettingsFile
from jsarag.parsing.spelling import last_value as last_value
from jsarag.parsing.train import part_names as part_names
from jsarag.parsing.train import train_config as train_config
from jsarag.parsing.train import train_parser as train_parser
