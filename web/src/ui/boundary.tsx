import { Component, type ReactNode } from 'react';
import { Notice } from './notice.tsx';

/** Keeps a view that cannot be drawn (a report of another version, say) from taking the page with it. */
export class Boundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return (
      <Notice title="This view cannot be shown" tone="bad">
        <p>What the server sent is not what this page expects ({this.state.error.message}).</p>
        <button type="button" onClick={() => this.setState({ error: null })}>
          Try again
        </button>
      </Notice>
    );
  }
}
